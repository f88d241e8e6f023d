/**
 * Tells a process from a later one with the same pid. The kernel reuses pids; a pid with the tick it was started at, in
 * this boot, it does not. So what is killed is what was started, or nothing.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from '@drover/domain-kit';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot, field 22 of /proc/PID/stat. */
  readonly startTicks: number;
  readonly bootId: string;
}

const pollMs = 10;

/** Undefined when no such process runs; a zombie does not run. */
export function identify(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ESRCH') return undefined;
    throw error;
  }
  return parseStat(pid, stat, bootId());
}

export function parseStat(pid: number, stat: string, boot: string): ProcessIdentity | undefined {
  // The second field is the program's name in brackets, and may itself hold blanks and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const hasEnded = fields[0] === 'Z' || fields[0] === 'X';
  // A killed process is a zombie by its first thread, and keeps its ports and files until its last one has gone.
  if (hasEnded && !(Number(fields[17]) > 1)) return undefined;
  return { pid, startTicks: Number(fields[19]), bootId: boot };
}

export function isRunning(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now !== undefined && now.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

/** Sends the signal if that very process still runs; says whether it did. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ESRCH') return false;
    throw error;
  }
}

/** Asks politely, waits, then kills. Resolves when the process is gone and says whether it went by itself. */
export async function stopProcess(
  identity: ProcessIdentity,
  signal: NodeJS.Signals = 'SIGTERM',
  patienceMs = 10_000,
): Promise<'was-gone' | 'stopped' | 'killed'> {
  if (!signalProcess(identity, signal)) return 'was-gone';
  const deadline = performance.now() + patienceMs;
  while (isRunning(identity)) {
    if (performance.now() > deadline) {
      signalProcess(identity, 'SIGKILL');
      while (isRunning(identity)) await delay(pollMs);
      return 'killed';
    }
    await delay(pollMs);
  }
  return 'stopped';
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
