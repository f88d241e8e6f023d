import { describe, expect, it } from '@jest/globals';
import { createLogger } from './logger.js';
import { outageOf } from './outage.js';

function outage() {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
  const clock = { nowMs: 5_000 };
  const told = outageOf(createLogger('vm-manager', { destination }), 'event store', {
    fields: { lease: 'vm-manager' },
    nowMs: () => clock.nowMs,
  });
  const refused = new Error('no answer', { cause: new Error('connection refused') });
  /** Fails once per 300 ms for this long. */
  const failFor = (ms: number) => {
    for (const endMs = clock.nowMs + ms; clock.nowMs < endMs; clock.nowMs += 300) told.failed(refused);
  };
  return { lines, clock, told, failFor };
}

describe('an outage', () => {
  it('is told in full at its first failure', () => {
    const { lines, failFor } = outage();
    failFor(300);
    expect(lines).toMatchObject([
      {
        level: 'warn',
        message: 'event store unavailable, retrying',
        needs: 'event store',
        lease: 'vm-manager',
        error: { message: 'no answer', stack: expect.any(String), cause: { message: 'connection refused' } },
      },
    ]);
  });

  it('is then one short line every 10 s, with how long it lasts and how often was tried', () => {
    const { lines, failFor } = outage();
    failFor(60_000);
    const [, ...others] = lines;
    expect(others.map(({ lastsMs }) => lastsMs)).toEqual([10_200, 20_400, 30_600, 40_800, 51_000]);
    expect(others.map(({ attempts }) => attempts)).toEqual([35, 69, 103, 137, 171]);
    for (const line of others) {
      expect(line).toMatchObject({ level: 'warn', message: 'event store still unavailable' });
      expect(line).toMatchObject({ reason: 'no answer: connection refused' });
      expect(JSON.stringify(line)).not.toContain('stack');
    }
  });

  it('is told to be over once, with how long it lasted', () => {
    const { lines, told, failFor } = outage();
    told.ended();
    expect(lines).toEqual([]);
    failFor(9_000);
    told.ended();
    told.ended();
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatchObject({
      level: 'info',
      message: 'event store available again',
      attempts: 30,
      afterMs: 9_000,
    });
  });

  it('is told in full again when it comes back later', () => {
    const { lines, clock, told, failFor } = outage();
    failFor(300);
    told.ended();
    clock.nowMs += 60_000;
    failFor(300);
    expect(lines.map(({ message }) => message)).toEqual([
      'event store unavailable, retrying',
      'event store available again',
      'event store unavailable, retrying',
    ]);
    expect(lines[2]).toHaveProperty('error.stack');
  });

  it('is not told twice in 10 s where failure and success alternate', () => {
    const { lines, clock, told, failFor } = outage();
    for (let round = 0; round < 30; round += 1) {
      failFor(300);
      told.ended();
    }
    expect(lines).toHaveLength(2);
    clock.nowMs += 10_000;
    failFor(300);
    expect(lines[2]).toMatchObject({ message: 'event store unavailable, retrying', error: { message: 'no answer' } });
  });
});
