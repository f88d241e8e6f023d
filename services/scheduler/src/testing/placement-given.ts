import type { HostLoad, StoredHostEvent, StoredVmEvent } from '@drover/contracts';
import { hostId, reservationId, vmId } from '@drover/fleet-model/testing';
import type { PlacementCommand } from '../domain/placement/placement.decider.js';
import {
  DEFAULT_POLICY,
  evolve,
  initialPlacement,
  type PlacementPolicy,
  type PlacementState,
} from '../domain/placement/placement.state.js';

type PlaceVm = Extract<PlacementCommand, { readonly kind: 'PlaceVm' }>;

/** The placement state that these events lead to. */
export function givenFleet(
  events: readonly (StoredVmEvent | StoredHostEvent)[],
  policy: PlacementPolicy = DEFAULT_POLICY,
): PlacementState {
  return events.reduce(
    (state, event) => evolve(state, { type: 'FleetChanged', event, nowMs: 0 }),
    initialPlacement(policy),
  );
}

/** The question of VM `n`, under reservation `n`. */
export function placeVm(
  n: number,
  demand: Partial<PlaceVm['demand']> = {},
  placement: Partial<PlaceVm['placement']> = {},
): PlaceVm {
  return {
    kind: 'PlaceVm',
    vmId: vmId(n),
    reservationId: reservationId(n),
    demand: { vcpus: 1, memoryMiB: 1024, pools: {}, networks: [], images: [], firmware: 'bios', ...demand },
    placement: { policy: 'spread', ...placement },
    ttlMs: 10_000,
    nowMs: 0,
  };
}

export function aLoad(host: number, changes: Partial<HostLoad> = {}): HostLoad {
  return {
    hostId: hostId(host),
    at: '2026-01-01T00:00:00.000Z',
    cpuUsedMillicores: 0,
    memoryUsedMiB: 0,
    pools: [],
    vms: [],
    ...changes,
  };
}
