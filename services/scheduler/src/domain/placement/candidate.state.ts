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
  /** A VM that was placed there a short while ago. */
  readonly hasRefusedLately: boolean;
  /** Below 0 where a host holds more than it should: its memory shrank, or a foreign domain came. */
  readonly free: Resources;
}

/** For as long a host that refused a VM comes after all others that fit. */
const REFUSAL_COUNTS_MS = 60_000;

export function candidateOf(state: PlacementState, host: FleetHost, nowMs: number): Candidate {
  const load = state.loads.get(host.hostId);
  const reserved = state.reserved.get(host.hostId) ?? NO_USAGE;
  const foreignMiB = load === undefined ? 0 : foreignMemoryMiB(load, host.inventory);
  const refusedAtMs = state.refusals.get(host.hostId);
  const capacity = capacityOf(host.inventory, state.policy.overcommit);
  const ours = plus(host.usage.resources, reserved.resources);
  return {
    host,
    load,
    reserved,
    foreignMiB,
    capacity,
    hasRefusedLately: refusedAtMs !== undefined && nowMs - refusedAtMs < REFUSAL_COUNTS_MS,
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
