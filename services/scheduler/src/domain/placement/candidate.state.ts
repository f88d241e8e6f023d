import {
  capacityOf,
  foreignMemoryMiB,
  minus,
  NO_USAGE,
  plus,
  type FleetHost,
  type Resources,
  type Usage,
} from '@drover/fleet-model';
import type { LoadHint, PlacementState } from './placement.state.js';

/** A host as filters and scorers see it: with everything counted that is placed, reserved or foreign there. */
export interface Candidate {
  readonly host: FleetHost;
  readonly load: LoadHint | undefined;
  readonly reserved: Usage;
  /** Memory of domains that are not ours. */
  readonly foreignMiB: number;
  readonly capacity: Resources;
  /** Below 0 where a host holds more than it should: its memory shrank, or a foreign domain came. */
  readonly free: Resources;
}

export function candidateOf(state: PlacementState, host: FleetHost): Candidate {
  const load = state.loads.get(host.hostId);
  const reserved = state.reserved.get(host.hostId) ?? NO_USAGE;
  const foreignMiB = load === undefined ? 0 : foreignMemoryMiB(load.memoryBesideOursMiB, host.inventory);
  const capacity = capacityOf(host.inventory, state.policy.overcommit);
  const ours = plus(host.usage.resources, reserved.resources);
  return {
    host,
    load,
    reserved,
    foreignMiB,
    capacity,
    free: minus(capacity, plus(ours, { vcpus: 0, memoryMiB: foreignMiB })),
  };
}

/**
 * Space of a pool that is neither used nor promised: as the host last reported it, less what VMs on their way there will
 * take. Which pools exist is the inventory's word, how full they are the load's, which is newer.
 */
export function freePoolMiB(candidate: Candidate, pool: string): number {
  const reported = candidate.load?.pools.find((one) => one.name === pool) ?? candidate.host.pools.get(pool);
  const promised =
    (candidate.host.usage.promisedPoolMiB.get(pool) ?? 0) + (candidate.reserved.promisedPoolMiB.get(pool) ?? 0);
  return (reported?.availableMiB ?? 0) - promised;
}
