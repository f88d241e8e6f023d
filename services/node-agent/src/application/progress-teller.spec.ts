import { describe, expect, it } from '@jest/globals';
import { progressSchema, type Progress } from '@drover/contracts';
import { VmOrders } from '../testing/host-orders.js';
import { ProgressTeller } from './progress-teller.js';

describe('telling progress', () => {
  it('says nothing of a step that is over at once, and no more than twice a second of a long one', () => {
    let nowMs = 0;
    const told: Progress[] = [];
    const clock = { epochMs: () => nowMs, monotonicMs: () => nowMs };
    const teller = new ProgressTeller(new VmOrders('a').create(1), 'creating volumes', clock, (progress) =>
      told.push(progressSchema.parse(progress)),
    );
    for (nowMs = 0; nowMs <= 1_200; nowMs += 100) teller.tell(nowMs / 11.5);
    expect(told.map(({ percent }) => percent)).toEqual([43, 86]);
  });

  it('keeps to 0 and 100 percent', () => {
    let nowMs = 0;
    const told: Progress[] = [];
    const clock = { epochMs: () => nowMs, monotonicMs: () => nowMs };
    const teller = new ProgressTeller(new VmOrders('a').create(1), 'waiting', clock, (progress) => told.push(progress));
    for (const percent of [-3.5, 120]) {
      nowMs += 1_000;
      teller.tell(percent);
    }
    expect(told.map(({ percent }) => percent)).toEqual([0, 100]);
  });
});
