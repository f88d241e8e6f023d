// One of a kind at a time. The kernel holds the lock, in a file that no other user can reach or name, and drops it with its holder.
import { spawn } from 'node:child_process';
import { closeSync, constants, fchmodSync, lstatSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import { note } from './progress.mjs';
import { LauncherError, root } from './run.mjs';

/** Of what is done to the work tree itself: installing, compiling. */
export const treeLocks = path.join(root, '.drover');

/** After this long the user is told what is waited for. */
const SILENT_MS = 1_000;

/**
 * Waits for the holder of the lock, if there is one.
 *
 * @param folder of the lock, made where it is missing, for its owner alone.
 * @param signal ends the waiting.
 */
export async function withLock(kind, work, folder, signal) {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!lstatSync(folder).isDirectory()) throw new LauncherError(`${folder} is not a folder`);
  const file = path.join(folder, `${kind}.lock`);
  makeLockFile(file);
  const release = await take(file, signal);
  try {
    return await work();
  } finally {
    await release();
  }
}

/** Who may open a file may lock it, so only its owner may: others enter the folder. */
function makeLockFile(file) {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  fchmodSync(descriptor, 0o600);
  closeSync(descriptor);
}

/** The lock is a process's that ends with this one, however that ends: its input is then closed. */
async function take(file, signal) {
  signal?.throwIfAborted();
  const stdio = ['pipe', 'pipe', 'inherit'];
  // In a session of its own: Ctrl-C is for what holds the lock, which has then still something to put in order.
  const child = spawn('flock', [file, 'sh', '-c', 'echo locked; exec cat'], { stdio, detached: true });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const locked = new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(new LauncherError('cannot run flock (Debian: util-linux)', { cause })));
    child.once('close', () => reject(signal?.reason ?? new LauncherError(`cannot lock ${file}`)));
    child.stdout.once('data', resolve);
  });
  const waiting = setTimeout(() => note(`waiting for another ./drover, which holds ${file}`), SILENT_MS);
  // Asked to end while it waits, it must: `flock` itself waits for ever.
  const giveUp = () => process.kill(-child.pid, 'SIGTERM');
  signal?.addEventListener('abort', giveUp);
  try {
    await locked;
  } finally {
    clearTimeout(waiting);
    signal?.removeEventListener('abort', giveUp);
  }
  return async () => {
    child.stdin.end();
    await ended;
  };
}
