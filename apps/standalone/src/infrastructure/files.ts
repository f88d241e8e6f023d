import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
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

export async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
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
