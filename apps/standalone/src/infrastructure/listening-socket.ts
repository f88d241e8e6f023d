/**
 * Who listens on a port of 127.0.0.1, as the kernel tells it. Before a secret is sent there, or its readiness believed: another
 * user of this machine may have taken the port.
 */
import { readFile, readdir, readlink } from 'node:fs/promises';
import { errorCode } from '@drover/domain-kit';
import { socketsOf } from './socket-clients.js';

/** State of a TCP socket that listens, in `/proc/net/tcp`. */
const LISTEN = '0A';
const LOOPBACK = '0100007F';
const ANY = '00000000';

export interface ListeningSocket {
  readonly inode: number;
  readonly uid: number;
}

/** Of the text of `/proc/net/tcp`. One that listens on every address answers on 127.0.0.1 as well. */
export function listeningSockets(netTcp: string, port: number): readonly ListeningSocket[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return netTcp.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , uid, , inode] = line.trim().split(/\s+/);
    const [address = '', at] = local.split(':');
    if (at !== wanted || state !== LISTEN || (address !== LOOPBACK && address !== ANY)) return [];
    return [{ inode: Number(inode), uid: Number(uid) }];
  });
}

/**
 * Whether all that listens there belongs to this process. Where the kernel does not show us its files (root without the
 * right to trace, as in a container), whether it belongs to the process's user, whom we gave it.
 */
export async function isListening(pid: number, port: number): Promise<boolean> {
  const sockets = listeningSockets(await readFile('/proc/self/net/tcp', 'utf8'), port);
  if (sockets.length === 0) return false;
  try {
    const held = await socketsOf(pid);
    return sockets.every(({ inode }) => held.has(inode));
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ESRCH') return false;
    if (code !== 'EACCES' && code !== 'EPERM') throw error;
    const user = await userOf(pid);
    return user !== undefined && sockets.every(({ uid }) => uid === user);
  }
}

/** The ports of 127.0.0.1 that this process listens on; none where it has ended or the kernel does not show us its files. */
export async function listeningPortsOf(pid: number): Promise<readonly number[]> {
  const text = await readFile('/proc/self/net/tcp', 'utf8');
  const ports = new Set(
    [...text.matchAll(/^ *\d+: \S+:([0-9A-F]{4}) /gm)].map(([, port = '']) => Number.parseInt(port, 16)),
  );
  const held = await socketsIfShown(pid);
  return [...ports].filter((port) => listeningSockets(text, port).some(({ inode }) => held.has(inode)));
}

/** In an operator's words; undefined when no process listens there. */
export async function holderOf(port: number): Promise<string | undefined> {
  const [socket] = listeningSockets(await readFile('/proc/self/net/tcp', 'utf8'), port);
  if (socket === undefined) return undefined;
  for (const pid of await pids()) {
    if (await holds(pid, socket.inode)) return `${(await nameOf(pid)) ?? 'a process'} (pid ${pid})`;
  }
  return `a process of the user with the id ${socket.uid}`;
}

async function pids(): Promise<readonly number[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
}

async function holds(pid: number, inode: number): Promise<boolean> {
  return (await socketsIfShown(pid)).has(inode);
}

async function socketsIfShown(pid: number): Promise<ReadonlySet<number>> {
  try {
    return await socketsOf(pid);
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(String(errorCode(error)))) return new Set();
    throw error;
  }
}

/** A process may end between two looks, or not be ours to look at; then it has no name here. */
async function nameOf(pid: number): Promise<string | undefined> {
  return readFile(`/proc/${pid}/comm`, 'utf8').then(
    (text) => text.trim(),
    () => readlink(`/proc/${pid}/exe`).catch(() => undefined),
  );
}

/** Undefined for one that has ended meanwhile. */
async function userOf(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => undefined);
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(status ?? '')?.[1];
  return uid === undefined ? undefined : Number(uid);
}
