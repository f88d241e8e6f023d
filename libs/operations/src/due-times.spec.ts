import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock } from './testing/index.js';
import { DueTimes } from './due-times.state.js';

describe('due times', () => {
  it('come in order, each once, with the last time that was set', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(1_000)), { maxLength: 200 }), (settings) => {
        const clock = new ManualClock();
        const startMs = clock.monotonicMs();
        const came: [number, number][] = [];
        const onDue = (key: number) => came.push([key, clock.monotonicMs() - startMs]);
        const dueTimes = new DueTimes<number>(clock, clock, 2, onDue);
        for (const [key, atMs] of settings) dueTimes.set(key, startMs + atMs);
        for (let ms = 0; ms <= 1_000; ms += 1) clock.advance(ms === 0 ? 0 : 1);
        const expected = [...new Map(settings)].sort(([, a], [, b]) => a - b);
        expect(came.map(([, atMs]) => atMs)).toEqual(expected.map(([, atMs]) => atMs));
        expect([...came].sort()).toEqual([...expected].sort());
      }),
      { numRuns: 50, seed: 1 },
    );
  });

  it('come a few in each turn where many are due together, each once', () => {
    const clock = new ManualClock();
    const turns: number[][] = [];
    // Each timer is a turn of the event loop.
    const timer = {
      after: (delayMs: number, action: () => void) =>
        clock.after(delayMs, () => {
          turns.push([]);
          action();
        }),
    };
    const dueTimes = new DueTimes<number>(clock, timer, 3, (key) => turns.at(-1)?.push(key));
    for (let key = 0; key < 10; key += 1) dueTimes.set(key, clock.monotonicMs());
    clock.advance(0);
    expect(turns.map((keys) => keys.length)).toEqual([3, 3, 3, 1]);
    expect(turns.flat().sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('do not come when they were taken back, and leave no timer', () => {
    const clock = new ManualClock();
    const came: string[] = [];
    const dueTimes = new DueTimes<string>(clock, clock, 1, (key) => came.push(key));
    dueTimes.set('a', clock.monotonicMs() + 10);
    dueTimes.delete('a');
    expect(clock.nextInMs).toBeUndefined();
    clock.advance(20);
    expect(came).toEqual([]);
  });
});
