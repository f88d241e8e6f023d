import { describe, expect, it } from '@jest/globals';
import {
  MAX_STRAYS,
  type ReportSource,
  type Stray,
  type StoredStraysEvent,
  type StraysFact,
  type VmId,
} from '@drover/contracts';
import { hostA, vmOf } from '../../testing/vm-facts.js';
import { roomFor, settleStrays } from './strays.decider.js';
import { evolveStrays, noStrays, type StraysState } from './strays.state.js';

const source = (sequence: number, journalEpoch = 1): ReportSource => ({ hostId: hostA, journalEpoch, sequence });
const stray = (vmId: VmId): Stray => ({
  vmId,
  kind: 'unknown',
  title: 'web',
  generation: { epoch: 1, n: 1 },
  powerState: 'RUNNING',
  vcpus: 1,
  memoryMiB: 128,
});
const some = (count: number, from = 0) => Array.from({ length: count }, (_, index) => vmOf(`stray ${from + index}`));
const given = (...facts: readonly StraysFact[]) =>
  facts.map((fact) => fact as StoredStraysEvent).reduce(evolveStrays, noStrays);
const found = (vmId: VmId, sequence = 1): StraysFact => ({
  type: 'StrayFound',
  data: { source: source(sequence), ...stray(vmId) },
});

/** What a host lists, where the store has none of it. */
function whenListed(state: StraysState, vmIds: readonly VmId[], at: ReportSource): readonly StraysFact[] {
  const there = new Set(vmIds);
  const { chosen, leftOut } = roomFor(state, vmIds, there);
  return settleStrays(state, { there, found: chosen.map(stray), leftOut }, at);
}
const [a, b, c] = some(3) as [VmId, VmId, VmId];

describe('the strays of a host', () => {
  it('are found when it lists them, and gone when it does not', () => {
    expect(whenListed(given(), [a, b], source(2))).toEqual([found(a, 2), found(b, 2)]);
    expect(whenListed(given(found(a), found(b)), [b, c], source(2))).toEqual([
      { type: 'StrayGone', data: { source: source(2), vmId: a } },
      found(c, 2),
    ]);
  });

  it('that it lists again are no news', () => {
    expect(whenListed(given(found(a), found(b)), [b, a], source(2))).toEqual([]);
  });

  it('are not changed by a list that is not newer than one they follow from', () => {
    const state = given(found(a, 5));
    expect(whenListed(state, [], source(5))).toEqual([]);
    expect(whenListed(state, [], source(4))).toEqual([]);
    expect(whenListed(state, [], source(1, 2))).toMatchObject([{ type: 'StrayGone' }]);
  });

  it('are recorded up to a hundred, and the rest is counted, once', () => {
    const facts = whenListed(given(), some(130), source(2));
    expect(facts).toHaveLength(MAX_STRAYS + 1);
    expect(facts.at(-1)).toEqual({ type: 'StraysLeftOut', data: { source: source(2), count: 30 } });
    const full = given(...facts);
    expect(whenListed(full, some(130), source(3))).toEqual([]);
    // One goes, and another takes its place.
    expect(whenListed(full, some(129, 1), source(3))).toMatchObject([
      { type: 'StrayGone', data: { vmId: a } },
      { type: 'StrayFound' },
      { type: 'StraysLeftOut', data: { count: 29 } },
    ]);
  });
});
