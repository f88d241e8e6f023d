import { describe, expect, it } from '@jest/globals';
import { identify, isRunning, parseStat, signalProcess, stopProcess } from './process-identity.js';
import type { ProcessIdentity } from './process-identity.js';

function ourselves(): ProcessIdentity {
  const identity = identify(process.pid);
  if (identity === undefined) throw new Error('this process runs');
  return identity;
}

describe('the identity of a process', () => {
  it('is found again while the process runs', () => {
    expect(isRunning(ourselves())).toBe(true);
  });

  it('is not that of a later process with the same pid', () => {
    expect(isRunning({ ...ourselves(), startTicks: 1 })).toBe(false);
  });

  it('is not that of a process of another boot with the same pid and tick', () => {
    expect(isRunning({ ...ourselves(), bootId: 'an-earlier-boot' })).toBe(false);
  });

  it('reads the start tick after a name with blanks and brackets', () => {
    const fields = Array.from({ length: 40 }, (_, index) => String(index + 4));
    expect(parseStat(7, `7 (a ) b) S ${fields.join(' ')}`, 'boot')).toMatchObject({ pid: 7, startTicks: 22 });
  });

  it('does not count a zombie as running', () => {
    expect(parseStat(7, '7 (gone) Z 1 1 1', 'boot')).toBeUndefined();
  });

  it('counts a process as running until its last thread has gone', () => {
    const fields = Array.from({ length: 40 }, (_, index) => String(index + 4));
    const withThreads = (count: number) => `7 (killed) Z ${fields.with(16, String(count)).join(' ')}`;
    expect(parseStat(7, withThreads(3), 'boot')).toMatchObject({ pid: 7 });
    expect(parseStat(7, withThreads(1), 'boot')).toBeUndefined();
  });

  it('keeps signals from a process that only has the pid of the one meant', async () => {
    const other = { ...ourselves(), startTicks: 1 };
    expect(signalProcess(other, 'SIGKILL')).toBe(false);
    expect(await stopProcess(other, 'SIGKILL')).toBe('was-gone');
  });
});
