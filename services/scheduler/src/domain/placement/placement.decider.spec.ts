import { describe, expect, it } from '@jest/globals';
import type { HostId } from '@drover/contracts';
import {
  hostId,
  hostRegistered,
  reservationId,
  vmDeleted,
  vmId,
  vmPlaced,
  vmPlacementFailed,
  vmRequested,
} from '@drover/fleet-model/testing';
import { givenFleet, placeVm } from '../../testing/index.js';
import { placementDecider, type PlacementCommand } from './placement.decider.js';
import { evolve, type PlacementState, type Reservation } from './placement.state.js';

const { decide } = placementDecider;

/** Decides, and remembers what was decided. */
function when(state: PlacementState, command: PlacementCommand): PlacementState {
  const decision = decide(state, command);
  if (decision.kind === 'rejected') throw new Error(decision.rejection.detail);
  return decision.events.reduce(evolve, state);
}

function reservationsOf(state: PlacementState, n: number): readonly Reservation[] {
  return state.reservations.get(vmId(n)) ?? [];
}

const twoHosts = givenFleet([hostRegistered(hostId(1)), hostRegistered(hostId(2))]);
const spec = { cpu: { cores: 1 }, memory: { sizeMiB: 1024 } };

describe('a host that refused a VM which was placed there', () => {
  const refused = givenFleet([
    hostRegistered(hostId(1)),
    hostRegistered(hostId(2)),
    vmRequested(vmId(9), spec),
    vmPlaced(vmId(9), hostId(1)),
    vmPlacementFailed(vmId(9)),
  ]);
  const chosen = (state: PlacementState, command: PlacementCommand, n: number) =>
    reservationsOf(when(state, command), n)[0]?.hostId;

  it('is not the first choice again for a minute', () => {
    // Without the refusal the lower id would be chosen.
    expect(chosen(twoHosts, placeVm(1), 1)).toBe(hostId(1));
    expect(chosen(refused, placeVm(1), 1)).toBe(hostId(2));
    expect(chosen(refused, { ...placeVm(1), nowMs: 59_999 }, 1)).toBe(hostId(2));
    expect(chosen(refused, { ...placeVm(1), nowMs: 60_000 }, 1)).toBe(hostId(1));
  });

  it('is chosen all the same where no other fits', () => {
    expect(chosen(refused, placeVm(1, {}, { hostId: hostId(1) }), 1)).toBe(hostId(1));
  });
});

describe('placing a VM', () => {
  it('holds capacity on the emptiest host and says how it and the runners-up scored', () => {
    const state = givenFleet([
      hostRegistered(hostId(1)),
      hostRegistered(hostId(2)),
      vmRequested(vmId(9), spec),
      vmPlaced(vmId(9), hostId(1)),
    ]);
    expect(decide(state, placeVm(1))).toEqual({
      kind: 'accepted',
      events: [
        {
          type: 'CapacityReserved',
          reservation: {
            reservationId: reservationId(1),
            vmId: vmId(1),
            hostId: hostId(2),
            demand: placeVm(1).demand,
            expiresAtMs: 10_000,
            score: { total: 6901, parts: { accelerator: 5000, freeCpu: 968, freeMemory: 933 } },
            runnersUp: [
              {
                hostId: hostId(1),
                score: { total: 6797, parts: { accelerator: 5000, freeCpu: 937, freeMemory: 860 } },
              },
            ],
          },
        },
      ],
    });
  });

  it('chooses the lowest id among hosts that are alike, whichever was heard of first', () => {
    const state = givenFleet([3, 1, 2].map((n) => hostRegistered(hostId(n))));
    const chosen = reservationsOf(when(state, placeVm(1)), 1)[0];
    expect(chosen?.hostId).toBe(hostId(1));
    expect(chosen?.runnersUp.map((host) => host.hostId)).toEqual([hostId(2), hostId(3)]);
  });

  it('finds the best host and the next five wherever they stand in the fleet', () => {
    const state = givenFleet(
      Array.from({ length: 40 }, (_, index) =>
        hostRegistered(hostId(index + 1), { memoryMiB: 8192 + 1000 * ((index * 7) % 40) }),
      ),
    );
    const [chosen] = reservationsOf(when(state, placeVm(1)), 1);
    const memoryOf = (id: HostId) => state.fleet.hosts.get(id)?.inventory.memoryMiB;
    const best = [chosen, ...(chosen?.runnersUp ?? [])].map((host) => host && memoryOf(host.hostId));
    expect(best).toEqual([39, 38, 37, 36, 35, 34].map((step) => 8192 + 1000 * step));
  });

  it('packs onto the fullest host that fits when asked to', () => {
    const state = givenFleet([
      hostRegistered(hostId(1)),
      hostRegistered(hostId(2)),
      vmRequested(vmId(9), spec),
      vmPlaced(vmId(9), hostId(2)),
    ]);
    expect(reservationsOf(when(state, placeVm(1, {}, { policy: 'pack' })), 1)[0]?.hostId).toBe(hostId(2));
  });

  it('prefers any host with an accelerator to an empty one that emulates', () => {
    const state = givenFleet([
      hostRegistered(hostId(1), { accelerator: 'tcg' }),
      hostRegistered(hostId(2), { accelerator: 'kvm' }),
      vmRequested(vmId(9), { memory: { sizeMiB: 14_000 } }),
      vmPlaced(vmId(9), hostId(2)),
    ]);
    expect(reservationsOf(when(state, placeVm(1)), 1)[0]?.hostId).toBe(hostId(2));
  });

  it('spreads VMs that are asked for in one moment, before any of them is an event', () => {
    let state = givenFleet([1, 2, 3, 4].map((n) => hostRegistered(hostId(n))));
    for (let n = 1; n <= 20; n += 1) state = when(state, placeVm(n));
    expect([1, 2, 3, 4].map((n) => state.reserved.get(hostId(n))?.count)).toEqual([5, 5, 5, 5]);
  });

  it('answers a repeated question alike and holds the capacity once', () => {
    const first = when(twoHosts, placeVm(1));
    const crowded = when(first, placeVm(2));
    const again = when(crowded, placeVm(1));
    expect(again).toEqual(crowded);
    expect(decide(crowded, placeVm(1))).toEqual({ kind: 'accepted', events: [] });
  });

  it('holds capacity as long as the newest question asks for', () => {
    const again = when(when(twoHosts, placeVm(1)), { ...placeVm(1), nowMs: 7_000 });
    expect(reservationsOf(again, 1)).toMatchObject([{ hostId: hostId(1), expiresAtMs: 17_000 }]);
    expect(again.reserved.get(hostId(1))?.count).toBe(1);
  });

  it('counts a VM once when its placement is seen', () => {
    const asked = when(givenFleet([hostRegistered(hostId(1)), vmRequested(vmId(1), spec)]), placeVm(1));
    const placed = evolve(asked, {
      type: 'FleetChanged',
      event: vmPlaced(vmId(1), hostId(1), reservationId(1)),
      nowMs: 0,
    });
    expect(reservationsOf(placed, 1)).toEqual([]);
    expect(placed.reserved.get(hostId(1))?.count).toBe(0);
    expect(placed.fleet.hosts.get(hostId(1))?.usage.resources).toEqual({ vcpus: 1, memoryMiB: 1124 });
  });

  it('says that a reservation has become a placement', () => {
    const placed = givenFleet([
      hostRegistered(hostId(1)),
      vmRequested(vmId(1), spec),
      vmPlaced(vmId(1), hostId(1), reservationId(1)),
    ]);
    expect(decide(placed, placeVm(1))).toMatchObject({ kind: 'rejected', rejection: { code: 'SUPERSEDED' } });
  });

  it('frees what is held for a VM that is deleted', () => {
    const deleted = evolve(when(twoHosts, placeVm(1)), { type: 'FleetChanged', event: vmDeleted(vmId(1)), nowMs: 0 });
    expect(deleted.reservations.size).toBe(0);
    expect(deleted.reserved.get(hostId(1))?.count).toBe(0);
  });

  it('holds capacity to the end of its time to live and not much longer', () => {
    const held = when(when(twoHosts, placeVm(1)), { ...placeVm(2), nowMs: 1 });
    const atTheEnd = when(held, { kind: 'ReleaseStaleReservations', nowMs: 10_000 });
    expect(atTheEnd).toEqual(held);
    const after = when(held, { kind: 'ReleaseStaleReservations', nowMs: 10_001 });
    expect([reservationsOf(after, 1).length, reservationsOf(after, 2).length]).toEqual([0, 1]);
  });

  it('refuses to hold capacity for longer than a new scheduler would wait', () => {
    expect(decide(twoHosts, { ...placeVm(1), ttlMs: 10_001 })).toMatchObject({
      kind: 'rejected',
      rejection: { code: 'INVALID_FIELD', field: '/ttlMs', data: { longestReservationMs: 10_000 } },
    });
  });

  it('says what is missing where no host fits, nearest hosts first', () => {
    const state = givenFleet([
      hostRegistered(hostId(1), { name: 'small', memoryMiB: 2048 }),
      hostRegistered(hostId(2), { name: 'large', memoryMiB: 8192 }),
      hostRegistered(hostId(3), { name: 'elsewhere', networks: [] }),
    ]);
    expect(decide(state, placeVm(1, { memoryMiB: 10_000, networks: ['default'] }))).toEqual({
      kind: 'rejected',
      rejection: {
        code: 'NO_HOST_FITS',
        detail: 'no host passes every filter',
        data: {
          counts: { memory: 2, network: 1 },
          nearest: [
            {
              hostId: hostId(2),
              hostName: 'large',
              filter: 'memory',
              detail: 'needs 10000 MiB, 7168 of 7168 MiB are free',
              numbers: {
                neededMiB: 10_000,
                freeMiB: 7168,
                capacityMiB: 7168,
                placedMiB: 0,
                reservedMiB: 0,
                foreignMiB: 0,
              },
            },
            expect.objectContaining({ hostName: 'small', filter: 'memory' }),
            expect.objectContaining({ hostName: 'elsewhere', filter: 'network', numbers: {} }),
          ],
        },
      },
    });
  });

  it('names no more than twenty of the hosts that do not fit', () => {
    const state = givenFleet(Array.from({ length: 30 }, (_, n) => hostRegistered(hostId(n + 1))));
    expect(decide(state, placeVm(1, { vcpus: 9 }))).toMatchObject({
      rejection: { data: { counts: { cpu: 30 }, nearest: { length: 20 } } },
    });
  });

  it('says that nothing fits in a fleet without hosts', () => {
    expect(decide(givenFleet([]), placeVm(1))).toMatchObject({
      rejection: { code: 'NO_HOST_FITS', data: { counts: {}, nearest: [] } },
    });
  });
});
