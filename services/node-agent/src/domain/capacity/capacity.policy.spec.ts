import { describe, expect, it } from '@jest/globals';
import { vmIdSchema } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { keptMemoryMiB, refuseWhenFull } from './capacity.policy.js';

describe('the memory that a host keeps', () => {
  it.each([
    [4_096, 0, 1_024],
    [24_064, 0, 1_204],
    [24_064, 1_024, 2_228],
    [1_048_576, 0, 52_429],
  ])('of %i MiB with a control plane of %i is %i', (memoryMiB, controlPlaneMiB, keptMiB) => {
    expect(keptMemoryMiB(memoryMiB, controlPlaneMiB)).toBe(keptMiB);
  });
});

describe('a host with huge pages', () => {
  const wanted = { vmId: vmIdSchema.parse(derivedId('vm', 'a')), memoryMiB: 4_096 };
  const host = { memoryMiB: 10_240, reservedMemoryMiB: 1_024, memoryOvercommitRatio: 1 };

  it('does not give what is set aside to a VM that does not ask for it', () => {
    expect(refuseWhenFull({ ...host, hugePagesMiB: 0 }, new Map(), [], wanted)).toBeUndefined();
    expect(refuseWhenFull({ ...host, hugePagesMiB: 5_121 }, new Map(), [], wanted)).toMatchObject({
      code: 'HOST_FULL',
      data: { freeMemoryMiB: 4_095 },
    });
  });
});
