import { describe, expect, it } from '@jest/globals';
import { createHealth } from './health.js';
import { Readiness } from './readiness.js';

describe('readiness', () => {
  it('is looked at once a second, however often it is asked for, and sooner again where something is missing', async () => {
    let nowMs = 0;
    let looks = 0;
    let isOk = true;
    const health = createHealth('spec');
    health.addCheck('store', () => ({ isOk, detail: `look ${(looks += 1)}` }));
    const readiness = new Readiness(health, { epochMs: () => 0, monotonicMs: () => nowMs });
    await Promise.all([readiness.report(), readiness.report(), readiness.report()]);
    nowMs = 999;
    await readiness.report();
    expect(looks).toBe(1);
    nowMs = 1000;
    isOk = false;
    expect(await readiness.report()).toMatchObject({ isOk: false });
    nowMs = 1199;
    await readiness.report();
    expect(looks).toBe(2);
    nowMs = 1200;
    await readiness.report();
    expect(looks).toBe(3);
  });
});
