import { readFile } from 'node:fs/promises';

/** What the kernel has given itself at its boot. In a container it is the host's. */
export async function bootIdOfMachine(file = '/proc/sys/kernel/random/boot_id'): Promise<string> {
  return (await readFile(file, 'utf8')).trim();
}
