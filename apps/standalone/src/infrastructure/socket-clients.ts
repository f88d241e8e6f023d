/** Who is connected to the unix sockets of a daemon, as the kernel tells it. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { errorCode } from '@drover/domain-kit';

/** Bit of the flags of a socket that listens. */
const LISTENS = 0x10000;

/**
 * Inodes of the daemon's ends of connections to the sockets at these paths, in the text of `/proc/net/unix`. A client's own
 * end has no path there.
 */
export function connectionInodes(netUnix: string, sockets: readonly string[]): readonly number[] {
  const wanted = new Set(sockets.map(withoutVar));
  const entry = /^\S+ \S+ \S+ (?<flags>[0-9A-F]{8}) \S+ \S+ +(?<inode>\d+) (?<file>\/.*)$/;
  return netUnix.split('\n').flatMap((line) => {
    const { flags = '', inode, file = '' } = entry.exec(line)?.groups ?? {};
    if (!wanted.has(withoutVar(file)) || (Number.parseInt(flags, 16) & LISTENS) !== 0) return [];
    return [Number(inode)];
  });
}

/**
 * How many connections this process has accepted at these paths, as it named them. The kernel lists a connection in the
 * network namespace of the client, so that of the process and our own are looked at; and another daemon may have given its
 * sockets the same names in a mount namespace of its own, so only what this process holds open counts.
 */
export async function connectionsOf(pid: number, sockets: readonly string[]): Promise<number> {
  const held = await socketsOf(pid);
  const tables = await Promise.all(['self', pid].map((owner) => readFile(`/proc/${owner}/net/unix`, 'utf8')));
  const inodes = tables.flatMap((table) => connectionInodes(table, sockets));
  return new Set(inodes.filter((inode) => held.has(inode))).size;
}

export async function socketsOf(pid: number): Promise<ReadonlySet<number>> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all((await readdir(folder)).map((fd) => linkIfPresent(path.join(folder, fd))));
  return new Set(links.map((link) => Number(/^socket:\[(\d+)\]$/.exec(link)?.[1])));
}

/** A file may be closed while the folder is read. */
async function linkIfPresent(file: string): Promise<string> {
  try {
    return await readlink(file);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return '';
    throw error;
  }
}

/** `/var/run` is a link to `/run`, and the kernel says the path as the daemon named it. */
function withoutVar(file: string): string {
  return file.replace(/^\/var\/run\//, '/run/');
}
