import { describe, expect, it } from '@jest/globals';
import { paceOfLoadsMs, returnAfterMs } from './pace.policy.js';

describe('the pace of a host', () => {
  it('is the configured one for loads, unless four heartbeats take longer', () => {
    expect(paceOfLoadsMs({ intervalMs: 1_000 }, 5_000)).toBe(5_000);
    expect(paceOfLoadsMs({ intervalMs: 8_000 }, 5_000)).toBe(32_000);
  });

  it('brings the agents of a large fleet back one after the other, and those of a small one at once', () => {
    expect([0, 0.5, 1].map((random) => returnAfterMs({ intervalMs: 1_000 }, random))).toEqual([0, 0, 0]);
    expect([0, 0.5, 1].map((random) => returnAfterMs({ intervalMs: 8_000 }, random))).toEqual([0, 3_500, 7_000]);
  });
});
