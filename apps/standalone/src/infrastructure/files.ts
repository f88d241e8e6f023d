import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { errorCode } from '@drover/domain-kit';
import type { SystemUser } from './system-users.js';

/**
 * Replaces the file at once and durably: a reader, or a crash, sees the old content or the new, never a part. The mode is as it says,
 * whatever the umask: who must read a file and who must not is no matter of the shell that `up` was typed in. Nothing is done by the
 * name of what stands there before: where the folder is another user's, that may be a link to anything.
 */
export async function replaceFile(file: string, content: string, mode = 0o644, owner?: SystemUser): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    const handle = await open(draft, 'wx', mode);
    try {
      if (owner !== undefined) await handle.chown(owner.uid, owner.gid);
      await handle.chmod(mode);
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** For keys, tokens and addresses with passwords. */
export function replaceSecret(file: string, content: string, owner?: SystemUser): Promise<void> {
  return replaceFile(file, content, 0o600, owner);
}

/** Whether there is such a file or folder. Where that cannot be told, it is not taken to be missing: the error is thrown. */
export async function exists(file: string): Promise<boolean> {
  try {
    await stat(file);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

export async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** More than the keys of a fleet of thousands of hosts take. */
const LARGEST_BYTES = 64 * 1024 * 1024;

/**
 * The text of a file in another user's folder, who may have put anything in its place: a link, a pipe that is never written to, a
 * device, a file without end. What is no plain file of a bounded size is as if it were not there, and is replaced.
 */
export async function readPlainIfPresent(file: string, largestBytes = LARGEST_BYTES): Promise<string | undefined> {
  const handle = await openUnfollowed(file);
  if (handle === undefined) return undefined;
  try {
    const found = await handle.stat();
    if (!found.isFile() || found.size > largestBytes) return undefined;
    const content = Buffer.alloc(found.size);
    let length = 0;
    // No further than it was long: it may grow meanwhile.
    for (let read = -1; read !== 0 && length < content.length; length += read)
      ({ bytesRead: read } = await handle.read(content, length, content.length - length));
    return content.toString('utf8', 0, length);
  } finally {
    await handle.close();
  }
}

async function openUnfollowed(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    // No file, a link, and a socket or device behind which nothing is.
    if (['ENOENT', 'ELOOP', 'ENXIO', 'ENODEV'].includes(errorCode(error) ?? '')) return undefined;
    throw error;
  }
}

/** What the file holds, or else what `make` gives, which is then kept there for the next time. */
export async function keptSecret(file: string, make: () => Promise<string> | string): Promise<string> {
  const kept = await readIfPresent(file);
  if (kept !== undefined) return kept;
  const made = await make();
  await replaceSecret(file, made);
  return made;
}
