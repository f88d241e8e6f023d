import { describe, expect, it } from '@jest/globals';
import { vmIdSchema } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { REBOOTS_EVERY_MS, Reboots } from './reboots.policy.js';

const [a, b] = ['a', 'b'].map((name) => vmIdSchema.parse(derivedId('vm', name))) as [
  ReturnType<typeof vmIdSchema.parse>,
  ReturnType<typeof vmIdSchema.parse>,
];

describe('reboots that a guest does by itself', () => {
  it('are told at once, those that follow within a minute together, and none is lost', () => {
    const reboots = new Reboots();
    let told = 0;
    let reports = 0;
    const tell = (count: number | undefined) => {
      told += count ?? 0;
      reports += count === undefined ? 0 : 1;
    };
    for (let atMs = 0; atMs < 10 * REBOOTS_EVERY_MS; atMs += 1_500) {
      tell(reboots.take(a, atMs));
      for (const { count } of reboots.due(atMs)) tell(count);
    }
    for (const { count } of reboots.due(11 * REBOOTS_EVERY_MS)) tell(count);
    expect(told).toBe(400);
    expect(reports).toBeLessThanOrEqual(11);
  });

  it('of one VM delay those of no other', () => {
    const reboots = new Reboots();
    expect([reboots.take(a, 0), reboots.take(b, 1), reboots.take(a, 2), reboots.take(b, REBOOTS_EVERY_MS + 1)]).toEqual(
      [1, 1, undefined, 1],
    );
    expect(reboots.due(REBOOTS_EVERY_MS + 2)).toEqual([{ vmId: a, count: 1 }]);
  });

  it('are forgotten after a quiet minute', () => {
    const reboots = new Reboots();
    reboots.take(a, 0);
    expect(reboots.due(REBOOTS_EVERY_MS)).toEqual([]);
    expect(reboots.take(a, REBOOTS_EVERY_MS + 1)).toBe(1);
  });
});
