/**
 * As whom the parts run. Only root can give another user a process of his own; a user who is not root runs all parts as
 * himself, and what is said here of others then does not concern him.
 */
import { execFile } from 'node:child_process';
import { chmod, chown, lchown, rmdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { exists } from './files.js';

const run = promisify(execFile);

export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

export interface ServiceUsers {
  /** nats-server, the control plane, and the agents of simulated hosts. Absent: the user himself. */
  readonly drover?: SystemUser;
  readonly postgres?: SystemUser;
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Makes the users that are missing, where that is ours to do. */
export async function ensureServiceUsers(): Promise<ServiceUsers> {
  if (!isRoot()) return {};
  return { drover: await ensureUser('drover'), postgres: await ensureUser('postgres') };
}

async function ensureUser(name: string): Promise<SystemUser> {
  const known = await findUser(name);
  if (known !== undefined) return known;
  const flags = ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent'];
  // Another `up` may have made him meanwhile: then he is there, and this fails.
  const failure = await run('useradd', [...flags, '--shell', '/usr/sbin/nologin', name], { env: programPath() }).then(
    () => undefined,
    (error: unknown) => error,
  );
  const made = await findUser(name);
  if (made === undefined) throw new Error(`the user ${name} cannot be made`, { cause: failure });
  return made;
}

async function findUser(name: string): Promise<SystemUser | undefined> {
  try {
    const [uid, gid] = await Promise.all(['-u', '-g'].map(async (which) => (await run('id', [which, name])).stdout));
    return { uid: Number(uid), gid: Number(gid) };
  } catch {
    // `id` fails where there is no such user, and only then.
    return undefined;
  }
}

/** The name of this process's user, as PostgreSQL and the kernel know him. */
export async function ownUserName(): Promise<string> {
  return (await run('id', ['-un'])).stdout.trim();
}

function programPath(): NodeJS.ProcessEnv {
  return { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
}

/**
 * Gives a folder or file to this user; without one it stays with the user himself. Never what a link names: a folder that is
 * another user's may have one in any place.
 */
export async function giveTo(user: SystemUser | undefined, file: string): Promise<void> {
  if (user !== undefined) await lchown(file, user.uid, user.gid);
}

/**
 * Removes a folder of this user's with his rights alone, so that a link that he puts on the way while it is done leads to nothing
 * more than he may remove himself.
 */
export async function removeFolderOf(user: SystemUser | undefined, folder: string): Promise<void> {
  if (!(await exists(folder))) return;
  await run('find', [folder, '-mindepth', '1', '-delete'], { ...user, cwd: '/', env: programPath() });
  await rmdir(folder);
}

/** Lets the group of this user read what root owns; without one only the user himself does. */
export async function shareWith(user: SystemUser | undefined, file: string, kind: 'file' | 'folder'): Promise<void> {
  if (user !== undefined) await chown(file, 0, user.gid);
  const [own, shared] = kind === 'file' ? [0o600, 0o640] : [0o700, 0o750];
  await chmod(file, user === undefined ? own : shared);
}
