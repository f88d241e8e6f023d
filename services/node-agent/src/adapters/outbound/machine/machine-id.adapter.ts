import { randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { hasCode } from '@drover/domain-kit';

/**
 * The id of this machine: `/etc/machine-id`, made when its system was installed. Where there is none, as in many
 * containers, one is made once and kept as `machine-id` in the home folder: then a new home is a new host.
 */
export async function machineIdOf(homeFolder: string, systemFile = '/etc/machine-id'): Promise<string> {
  const keptFile = path.join(homeFolder, 'machine-id');
  const known = (await readId(systemFile)) ?? (await readId(keptFile));
  if (known !== undefined) return known;
  const made = randomUUID().replaceAll('-', '');
  const draft = `${keptFile}.${made}`;
  await writeFile(draft, `${made}\n`, { flush: true });
  await rename(draft, keptFile);
  return made;
}

/** A machine image that waits for its first boot has an empty file, or one that says `uninitialized`. */
async function readId(file: string): Promise<string | undefined> {
  try {
    const text = (await readFile(file, 'utf8')).trim();
    return /^[0-9a-f]{32}$/.test(text) ? text : undefined;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
