import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { capacityOf, processMemoryMiB } from '@drover/fleet-model';
import {
  hostCordoned,
  hostId,
  hostRegistered,
  hostSuspected,
  vmId,
  vmPlaced,
  vmRequested,
} from '@drover/fleet-model/testing';
import { aLoad, givenFleet, placeVm } from '../../testing/index.js';
import { assessHosts, selectHost } from './host-selection.policy.js';
import { placementDecider, type PlacementCommand } from './placement.decider.js';
import { evolve, type PlacementState } from './placement.state.js';

const host = fc.record({
  count: fc.constantFrom(1, 4, 8),
  memoryMiB: fc.constantFrom(1024, 2500, 8192),
  availableMiB: fc.integer({ min: 0, max: 2000 }),
  network: fc.constantFrom('red', 'blue'),
  accelerator: fc.constantFrom('kvm', 'tcg'),
  fate: fc.constantFrom('well', 'well', 'cordoned', 'suspected'),
  foreignMiB: fc.constantFrom(0, 0, 1000, 3000),
});

const fleet = fc.array(host, { maxLength: 12 }).map((hosts): PlacementState => {
  const events = hosts.flatMap((one, index) => {
    const id = hostId(index + 1);
    const registered = hostRegistered(id, {
      cpu: { model: '', flags: [], sockets: 1, coresPerSocket: one.count, threadsPerCore: 1, count: one.count, mhz: 0 },
      memoryMiB: one.memoryMiB,
      networks: [one.network],
      accelerator: one.accelerator,
      pools: [{ name: 'default', type: 'dir', capacityMiB: 2000, availableMiB: one.availableMiB }],
    });
    if (one.fate === 'cordoned') return [registered, hostCordoned(id)];
    return one.fate === 'suspected' ? [registered, hostSuspected(id)] : [registered];
  });
  return hosts.reduce(
    (state, one, index) =>
      evolve(state, { type: 'HostLoadSeen', load: aLoad(index + 1, { memoryUsedMiB: 1024 + one.foreignMiB }) }),
    givenFleet(events),
  );
});

/** What a VM takes of its host, and the memory of its guest. */
const guestMiBOf = new Map(
  Array.from({ length: 2985 }, (_, index) => [processMemoryMiB(index + 16), index + 16] as const),
);

const wish = fc
  .record({
    n: fc.integer({ min: 1, max: 40 }),
    vcpus: fc.integer({ min: 1, max: 6 }),
    memoryMiB: fc.constantFrom(...guestMiBOf.keys()),
    pools: fc.constantFrom<Record<string, number>[]>({}, { default: 0 }, { default: 400 }),
    networks: fc.constantFrom<string[][]>([], ['red'], ['blue']),
    policy: fc.constantFrom('spread' as const, 'pack' as const),
  })
  .map(({ n, policy, ...demand }) => placeVm(n, demand, { policy }));

/** Asks, becomes an event, passes time. */
const step = fc.oneof(
  { weight: 5, arbitrary: wish },
  fc.integer({ min: 1, max: 40 }).map((n) => ({ kind: 'seen' as const, n })),
  fc.integer({ min: 0, max: 20_000 }).map((nowMs) => ({ kind: 'ReleaseStaleReservations' as const, nowMs })),
);

function run(state: PlacementState, command: PlacementCommand): PlacementState {
  const decision = placementDecider.decide(state, command);
  return decision.kind === 'rejected' ? state : decision.events.reduce(placementDecider.evolve, state);
}

/** The placement of a VM whose capacity is held becomes an event. */
function see(state: PlacementState, n: number): PlacementState {
  const held = state.reservations.get(vmId(n))?.[0];
  if (held === undefined) return state;
  const { vcpus, memoryMiB } = held.demand;
  return [
    vmRequested(vmId(n), { cpu: { cores: vcpus }, memory: { sizeMiB: guestMiBOf.get(memoryMiB) } }),
    vmPlaced(vmId(n), held.hostId, held.reservationId),
  ].reduce((before, event) => evolve(before, { type: 'FleetChanged', event, nowMs: 0 }), state);
}

describe('placement', () => {
  it('never gives more than a host has, whatever is placed, held or foreign there', () => {
    fc.assert(
      fc.property(fleet, fc.array(step, { maxLength: 60 }), (start, steps) => {
        let state = start;
        for (const next of steps) state = next.kind === 'seen' ? see(state, next.n) : run(state, next);
        for (const one of state.fleet.hosts.values()) {
          const reserved = state.reserved.get(one.hostId);
          const capacity = capacityOf(one.inventory, state.policy.overcommit);
          const memoryMiB = one.usage.resources.memoryMiB + (reserved?.resources.memoryMiB ?? 0);
          const vcpus = one.usage.resources.vcpus + (reserved?.resources.vcpus ?? 0);
          const foreignMiB = (state.loads.get(one.hostId)?.memoryBesideOursMiB ?? 1024) - 1024;
          expect(vcpus).toBeLessThanOrEqual(capacity.vcpus);
          if (memoryMiB > 0) expect(memoryMiB + foreignMiB).toBeLessThanOrEqual(capacity.memoryMiB);
        }
      }),
    );
  });

  it('keeps the sum of reservations equal to the reservations', () => {
    fc.assert(
      fc.property(fleet, fc.array(step, { maxLength: 60 }), (start, steps) => {
        let state = start;
        for (const next of steps) state = next.kind === 'seen' ? see(state, next.n) : run(state, next);
        const held = [...state.reservations.values()].flat();
        for (const one of state.fleet.hosts.values()) {
          const here = held.filter((reservation) => reservation.hostId === one.hostId);
          expect(state.reserved.get(one.hostId)?.count ?? 0).toBe(here.length);
          expect(state.reserved.get(one.hostId)?.resources.memoryMiB ?? 0).toBe(
            here.reduce((sum, reservation) => sum + reservation.demand.memoryMiB, 0),
          );
        }
      }),
    );
  });

  it('never chooses a cordoned or suspected host, nor one without the network', () => {
    fc.assert(
      fc.property(fleet, wish, (state, asked) => {
        const selection = selectHost(state, asked, 0);
        if (selection.kind === 'none') return;
        const chosen = state.fleet.hosts.get(selection.best.hostId);
        expect(chosen).toMatchObject({ isCordoned: false, isSuspected: false });
        for (const network of asked.demand.networks) expect(chosen?.networks.has(network)).toBe(true);
      }),
    );
  });

  it('decides alike for equal inputs, in whatever order hosts were heard of', () => {
    fc.assert(
      fc.property(fleet, wish, (state, asked) => {
        const hosts = [...state.fleet.hosts.entries()].reverse();
        const reordered = hosts.reduce((map, [id, one]) => map.set(id, one), state.fleet.hosts);
        const other = { ...state, fleet: { ...state.fleet, hosts: reordered } };
        expect(placementDecider.decide(other, asked)).toEqual(placementDecider.decide(state, asked));
      }),
    );
  });

  it('explains every host once: it fits with parts that add up, or has one reason against it', () => {
    fc.assert(
      fc.property(fleet, wish, (state, asked) => {
        const { fitting, refused } = assessHosts(state, asked, 0);
        const explained = [...fitting, ...refused].map((one) => one.hostId);
        expect(explained.sort()).toEqual([...state.fleet.hosts.keys()].sort());
        for (const { score } of fitting) {
          const parts = Object.values(score.parts);
          expect(parts.reduce((sum, part) => sum + part, 0)).toBe(score.total);
          expect(parts.every((part) => Number.isInteger(part) && part >= 0)).toBe(true);
        }
        for (const refusal of refused) expect(refusal.detail).not.toBe('');
      }),
    );
  });

  it('chooses what the explanation ranks first, and counts every refusal', () => {
    fc.assert(
      fc.property(fleet, wish, (state, asked) => {
        const selection = selectHost(state, asked, 0);
        const { fitting, refused } = assessHosts(state, asked, 0);
        if (selection.kind === 'selected') {
          const ranked = fitting.slice(0, 6).map(({ hostId: id, score }) => ({ hostId: id, score }));
          expect([selection.best, ...selection.runnersUp]).toEqual(ranked);
        } else {
          expect(fitting).toEqual([]);
          const counted = Object.values(selection.counts).reduce((sum, count) => sum + count, 0);
          expect(counted).toBe(refused.length);
        }
      }),
    );
  });
});
