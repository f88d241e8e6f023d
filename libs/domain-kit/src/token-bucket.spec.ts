import { describe, expect, it } from '@jest/globals';
import { TokenBucket } from './token-bucket.js';

describe('a token bucket', () => {
  it('lets a burst through, and then as much as its rate', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 3 }, 0);
    let taken = 0;
    for (let nowMs = 0; nowMs < 1000; nowMs += 1) {
      if (bucket.waitMs(nowMs) > 0) continue;
      bucket.take(1);
      taken += 1;
    }
    expect(taken).toBeGreaterThanOrEqual(12);
    expect(taken).toBeLessThanOrEqual(14);
  });

  it('says how long a debt takes to pay, and has credit then', () => {
    const bucket = new TokenBucket({ perSecond: 100, burst: 50 }, 0);
    bucket.take(250);
    const waitMs = bucket.waitMs(0);
    expect(waitMs).toBeGreaterThanOrEqual(2000);
    expect(bucket.waitMs(waitMs - 2)).toBeGreaterThan(0);
    expect(bucket.waitMs(waitMs)).toBe(0);
  });
});
