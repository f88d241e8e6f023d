import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock } from '../testing/manual-clock.js';
import { DueTimes } from './due-times.state.js';

describe('due times', () => {
  it('come in order, each once, with the last time that was set', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(1_000)), { maxLength: 200 }), (settings) => {
        const clock = new ManualClock();
        const startMs = clock.monotonicMs();
        const came: [number, number][] = [];
        const dueTimes = new DueTimes<number>(clock, clock, (key) => came.push([key, clock.monotonicMs() - startMs]));
        for (const [key, atMs] of settings) dueTimes.set(key, startMs + atMs);
        for (let ms = 0; ms <= 1_000; ms += 1) clock.advance(ms === 0 ? 0 : 1);
        const expected = [...new Map(settings)].sort(([, a], [, b]) => a - b);
        expect(came.map(([, atMs]) => atMs)).toEqual(expected.map(([, atMs]) => atMs));
        expect([...came].sort()).toEqual([...expected].sort());
      }),
      { numRuns: 50, seed: 1 },
    );
  });

  it('do not come when they were taken back, and leave no timer', () => {
    const clock = new ManualClock();
    const came: string[] = [];
    const dueTimes = new DueTimes<string>(clock, clock, (key) => came.push(key));
    dueTimes.set('a', clock.monotonicMs() + 10);
    dueTimes.delete('a');
    expect(clock.nextInMs).toBeUndefined();
    clock.advance(20);
    expect(came).toEqual([]);
  });
});
