import { describe, expect, it } from '@jest/globals';
import { evolveAll } from '@drover/domain-kit';
import type { StoredHostEvent, StoredVmEvent } from '@drover/contracts';
import { emptyFleet, evolveFleet, type FleetState } from './fleet.state.js';
import {
  createBegan,
  hostCordoned,
  hostId,
  hostInventoryChanged,
  hostRegistered,
  hostReturned,
  hostSuspected,
  hostUncordoned,
  operationFailed,
  operationId,
  vmDefined,
  vmDeleted,
  vmId,
  vmPlaced,
  vmPlacementFailed,
  vmRequested,
  vmStopped,
} from './testing/index.js';
import { NO_USAGE } from './usage.js';

const given = (...events: (StoredVmEvent | StoredHostEvent)[]): FleetState =>
  evolveAll({ initialState: emptyFleet, evolve: evolveFleet }, events);
const usageOf = (fleet: FleetState, n = 1) => fleet.hosts.get(hostId(n))?.usage;

const spec = { cpu: { cores: 2 }, memory: { sizeMiB: 512 }, disks: [{ name: 'data', sizeMiB: 300 }] };
const placed = [hostRegistered(hostId(1)), vmRequested(vmId(1), spec), vmPlaced(vmId(1), hostId(1))] as const;

describe('the fleet', () => {
  it('counts a VM from its placement on', () => {
    expect(usageOf(given(hostRegistered(hostId(1)), vmRequested(vmId(1), spec)))).toEqual(NO_USAGE);
    expect(usageOf(given(...placed))).toEqual({
      count: 1,
      resources: { vcpus: 2, memoryMiB: 610 },
      promisedPoolMiB: new Map([['default', 300]]),
    });
  });

  it('counts a stopped VM like a running one', () => {
    const running = given(...placed, vmDefined(vmId(1), hostId(1)));
    expect(usageOf(evolveFleet(running, vmStopped(vmId(1), hostId(1))))).toEqual(usageOf(running));
  });

  it('leaves the space of volumes that are there to the report of the host', () => {
    const defined = given(...placed, vmDefined(vmId(1), hostId(1)), vmDefined(vmId(1), hostId(1)));
    expect(usageOf(defined)).toEqual({ count: 1, resources: { vcpus: 2, memoryMiB: 610 }, promisedPoolMiB: new Map() });
    expect(usageOf(evolveFleet(defined, vmDeleted(vmId(1))))).toEqual(NO_USAGE);
  });

  it('counts a VM whose create failed until it is deleted, for the host may still hold some of it', () => {
    const failed = given(...placed, createBegan(vmId(1), operationId(1)), operationFailed(vmId(1), operationId(1)));
    expect(usageOf(failed)?.count).toBe(1);
    expect(usageOf(evolveFleet(failed, vmDeleted(vmId(1))))).toEqual(NO_USAGE);
  });

  it('moves what a VM takes along with its placement', () => {
    const moved = given(...placed, hostRegistered(hostId(2)), vmPlaced(vmId(1), hostId(2)));
    expect(usageOf(moved, 1)).toEqual(NO_USAGE);
    expect(usageOf(moved, 2)?.resources).toEqual({ vcpus: 2, memoryMiB: 610 });
  });

  it('counts VMs on a host that is heard of only later', () => {
    const late = given(vmRequested(vmId(1), spec), vmPlaced(vmId(1), hostId(1)), hostRegistered(hostId(1)));
    expect(usageOf(late)).toEqual(usageOf(given(...placed)));
    expect(late.unregisteredUsage.size).toBe(0);
  });

  it('keeps usage, cordon and suspicion when a host registers anew', () => {
    const before = given(...placed, hostCordoned(hostId(1)), hostSuspected(hostId(1)));
    const host = evolveFleet(before, hostRegistered(hostId(1), { memoryMiB: 32_768 })).hosts.get(hostId(1));
    expect(host).toMatchObject({ isCordoned: true, isSuspected: true, usage: { count: 1 } });
    expect(host?.inventory.memoryMiB).toBe(32_768);
  });

  it('follows cordons, suspicions and inventories', () => {
    const host = given(
      hostRegistered(hostId(1)),
      hostCordoned(hostId(1)),
      hostUncordoned(hostId(1)),
      hostSuspected(hostId(1)),
      hostReturned(hostId(1)),
      hostInventoryChanged(hostId(1), { networks: ['blue'], images: [], pools: [] }),
    ).hosts.get(hostId(1));
    expect(host).toMatchObject({ isCordoned: false, isSuspected: false });
    expect([...(host?.networks ?? [])]).toEqual(['blue']);
    expect([host?.images.size, host?.pools.size]).toEqual([0, 0]);
  });

  it.each([
    ['is placed', [hostRegistered(hostId(1)), vmPlaced(vmId(1), hostId(1))]],
    ['finds no place', [vmPlacementFailed(vmId(1)), operationFailed(vmId(1), operationId(1))]],
    ['has its create fail', [operationFailed(vmId(1), operationId(1))]],
    ['is deleted', [vmDeleted(vmId(1))]],
  ])('shows a VM as awaiting its place until it %s', (_, events) => {
    const waiting = given(vmRequested(vmId(1)), createBegan(vmId(1), operationId(1)));
    expect([...waiting.awaitingPlacement.keys()]).toEqual([vmId(1)]);
    expect(events.reduce(evolveFleet, waiting).awaitingPlacement.size).toBe(0);
  });

  it('shows a VM whose host refused it as awaiting another place, and frees what was held there', () => {
    const began = createBegan(vmId(1), operationId(1));
    const [registered, requested, placement] = placed;
    const refused = given(registered, requested, began, placement, vmPlacementFailed(vmId(1)));
    expect([...refused.awaitingPlacement.keys()]).toEqual([vmId(1)]);
    expect(usageOf(refused)).toEqual(NO_USAGE);
    expect(evolveFleet(refused, vmDeleted(vmId(1))).awaitingPlacement.size).toBe(0);
    expect(usageOf(evolveFleet(refused, vmDeleted(vmId(1))))).toEqual(NO_USAGE);
  });

  it('knows nothing of VMs and hosts that it was never told of', () => {
    expect(given(hostCordoned(hostId(1)), vmPlaced(vmId(1), hostId(1)), vmDeleted(vmId(2)))).toEqual(emptyFleet);
  });
});
