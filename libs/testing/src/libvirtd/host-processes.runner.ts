import { readdirSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '@drover/domain-kit';

/**
 * Process ids of everything that sees `runDirectory` as its `/run/libvirt`: a private libvirtd and whatever it started,
 * including QEMU processes that have long left its process group. Exact, because the test is the directory's inode.
 */
export function processesOfHost(runDirectory: string): readonly number[] {
  const own = statSync(runDirectory, { throwIfNoEntry: false });
  if (own === undefined) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const seen = statOrGone(`/proc/${pid}/root/run/libvirt`);
      return seen !== undefined && seen.dev === own.dev && seen.ino === own.ino;
    });
}

// A process may end between the listing and the look, and one without a root (a zombie) answers with an error.
function statOrGone(file: string) {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Kills until the list stays empty, because a process about to die may just have started another. */
export async function killAll(list: () => readonly number[]): Promise<void> {
  for (let pids = list(); pids.length > 0; pids = list()) {
    for (const pid of pids) killIfAlive(pid);
    await delay(10);
  }
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}
