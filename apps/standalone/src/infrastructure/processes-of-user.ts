import { readdir, readFile } from 'node:fs/promises';
import { errorCode } from '@drover/domain-kit';
import { identify, signalProcess } from './process-identity.js';
import type { SystemUser } from './system-users.js';

export interface UserProcess {
  readonly pid: number;
  readonly name: string;
  /** The pid of what began the session: a part of Drover begins one of its own. */
  readonly session: number;
}

/** All that run as this user now, by any of the ids that the kernel keeps of a process. */
export async function processesOf({ uid }: SystemUser): Promise<readonly UserProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map((pid) => processIfOf(uid, pid)));
  return found.filter((one) => one !== undefined);
}

/** Ends for good what is left of the sessions of these parts, which have ended themselves. */
export async function endSessionsOf(user: SystemUser, parts: readonly number[]): Promise<void> {
  for (;;) {
    const left = (await processesOf(user)).filter(({ session }) => parts.includes(session));
    if (left.length === 0) return;
    for (const { pid } of left) {
      const identity = identify(pid);
      if (identity !== undefined) signalProcess(identity, 'SIGKILL');
    }
  }
}

async function processIfOf(uid: number, pid: number): Promise<UserProcess | undefined> {
  try {
    const [status, stat] = await Promise.all(
      ['status', 'stat'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8')),
    );
    const uids =
      /^Uid:\s+(.*)$/m
        .exec(status ?? '')?.[1]
        ?.split(/\s+/)
        .map(Number) ?? [];
    if (!uids.includes(uid) || identify(pid) === undefined) return undefined;
    const text = stat ?? '';
    const session = Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[3]);
    return { pid, name: text.slice(text.indexOf('(') + 1, text.lastIndexOf(')')), session };
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ESRCH') return undefined;
    throw error;
  }
}
