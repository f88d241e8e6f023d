import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts CPU time in these, whatever the machine (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly cpuSeconds: number;
  readonly residentMiB: number;
}

export interface Cost {
  readonly cpuSeconds: number;
  readonly residentMiB: number;
}

/** What a process and everything below it have used so far, and hold now; from proc(5). */
export function costOf(pid: number): Cost {
  const all = processes();
  const tree = all.filter((entry) => entry.pid === pid);
  for (let grown = -1; grown !== tree.length;) {
    grown = tree.length;
    for (const entry of all) {
      if (!tree.includes(entry) && tree.some((parent) => parent.pid === entry.parent)) tree.push(entry);
    }
  }
  return {
    cpuSeconds: tree.reduce((sum, entry) => sum + entry.cpuSeconds, 0),
    residentMiB: tree.reduce((sum, entry) => sum + entry.residentMiB, 0),
  };
}

function processes(): readonly ProcessEntry[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      const [parent = 0, user = 0, system = 0, ofEndedUser = 0, ofEndedSystem = 0] = [1, 11, 12, 13, 14].map(
        (index) => fields[index],
      );
      return [
        {
          pid: Number(name),
          parent,
          cpuSeconds: (user + system + ofEndedUser + ofEndedSystem) / TICKS_PER_SECOND,
          // Pages that others share count for each; PostgreSQL's shared buffers are in every backend.
          residentMiB: privateMiB(name),
        },
      ];
    } catch {
      // It ended while we looked.
      return [];
    }
  });
}

function privateMiB(pid: string): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Math.round(Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0) / 1024);
}
