import { newEvents, type StreamStore } from '@drover/aggregate';
import { DEFAULT_CLUSTER, Rejected, type FleetId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { clusterDecider } from '../domain/cluster/cluster.decider.js';
import { clusterStreams, haManager } from './cluster-streams.js';

export interface Claim {
  readonly fleetId: FleetId;
  readonly storeEpoch: number;
}

/**
 * Makes an empty store that of this fleet; throws `FLEET_MISMATCH` for a store of another one.
 *
 * Needs no lease: of two that come first at once, the store lets one through and the other reads what it wrote.
 */
export async function claimStore(store: StreamStore, fleetId: FleetId, clock: Clock): Promise<Claim> {
  const { result, state } = await clusterStreams(store).change(DEFAULT_CLUSTER, (cluster) => {
    const decision = clusterDecider.decide(cluster.state, { kind: 'ClaimStore', clusterId: DEFAULT_CLUSTER, fleetId });
    const origin = { actor: haManager, causationId: `claim ${fleetId}`, atMs: clock.epochMs() };
    return { events: decision.kind === 'accepted' ? newEvents(decision.events, origin) : [], result: decision };
  });
  if (result.kind === 'rejected') throw new Rejected(result.rejection);
  if (state === undefined) throw new Error('the store was claimed, but holds no cluster');
  return state;
}
