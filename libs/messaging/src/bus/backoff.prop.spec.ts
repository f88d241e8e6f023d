import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { backoffMs } from './backoff.policy.js';

describe('the backoff', () => {
  it('never waits longer than half above its maximum, nor less than half of its first step', () => {
    const inputs = fc.tuple(
      fc.record({ firstMs: fc.integer({ min: 1, max: 1000 }), maxMs: fc.integer({ min: 1000, max: 60_000 }) }),
      fc.nat(),
      fc.double({ min: 0, max: 1, noNaN: true }),
    );
    fc.assert(
      fc.property(inputs, ([backoff, attempt, random]) => {
        const waitMs = backoffMs(backoff, attempt, random);
        expect(waitMs).toBeGreaterThanOrEqual(backoff.firstMs / 2);
        expect(waitMs).toBeLessThanOrEqual(backoff.maxMs * 1.5);
      }),
    );
  });
});
