import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_STRAYS, type ReportSource, type Stray, type StoredStraysEvent, type VmId } from '@drover/contracts';
import { hostA, vmOf } from '../../testing/vm-facts.js';
import { roomFor, settleStrays } from './strays.decider.js';
import { evolveStrays, noStrays, type StraysState } from './strays.state.js';

const ids = Array.from({ length: 160 }, (_, index) => vmOf(`stray ${index}`));
const stray = (vmId: VmId): Stray => ({
  vmId,
  kind: 'deleted',
  title: 'web',
  generation: { epoch: 1, n: 1 },
  powerState: 'STOPPED',
  vcpus: 1,
  memoryMiB: 128,
});

/** A run of the ids, so that lists are long enough to be cut and overlap. */
const listArbitrary = fc
  .record({ from: fc.nat(ids.length - 1), count: fc.nat(ids.length), busy: fc.subarray(ids, { maxLength: 5 }) })
  .map(({ from, count, busy }) => ({ listed: ids.slice(from, from + count), busy }));

function settled(
  state: StraysState,
  { listed, busy }: { listed: readonly VmId[]; busy: readonly VmId[] },
  sequence: number,
) {
  const source: ReportSource = { hostId: hostA, journalEpoch: 1, sequence };
  const own = listed.filter((vmId) => !busy.includes(vmId));
  const there = new Set([...own, ...busy]);
  const { chosen, leftOut } = roomFor(state, own, there);
  const facts = settleStrays(state, { there, found: chosen.map(stray), leftOut }, source);
  return { facts, own, after: facts.map((fact) => fact as StoredStraysEvent).reduce(evolveStrays, state) };
}

describe('the strays of a host, whatever it lists', () => {
  it('are never more than a hundred, are what its newest list says, and the same list again is no news', () => {
    fc.assert(
      fc.property(fc.array(listArbitrary, { maxLength: 12 }), (lists) => {
        let state = noStrays;
        for (const [index, list] of lists.entries()) {
          const before = new Set(state.strays);
          const { own, after } = settled(state, list, 2 * index + 1);
          expect(after.strays.length).toBeLessThanOrEqual(MAX_STRAYS);
          expect(new Set(after.strays).size).toBe(after.strays.length);
          const recorded = new Set(after.strays);
          for (const vmId of recorded)
            expect(own.includes(vmId) || (list.busy.includes(vmId) && before.has(vmId))).toBe(true);
          expect(after.leftOut).toBe(own.filter((vmId) => !recorded.has(vmId)).length);
          if (after.leftOut > 0) expect(after.strays).toHaveLength(MAX_STRAYS);
          expect(settled(after, list, 2 * index + 2).facts).toEqual([]);
          state = after;
        }
      }),
      { numRuns: 100, seed: 27 },
    );
  });
});
