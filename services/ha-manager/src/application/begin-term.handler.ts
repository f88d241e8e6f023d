import { newEvents, type StreamStore } from '@drover/aggregate';
import { DEFAULT_CLUSTER, Rejected } from '@drover/contracts';
import { newId, type Clock } from '@drover/domain-kit';
import { clusterDecider } from '../domain/cluster/cluster.decider.js';
import { clusterStreams, haManager } from './cluster-streams.js';

/**
 * Begins the term of an ha-manager that has become active, and resolves to its number, which is higher than any before and
 * that of no other; undefined once `holds` says that it is active no more. Faults are `STORE_UNAVAILABLE`.
 */
export async function beginTerm(store: StreamStore, clock: Clock, holds: () => boolean): Promise<number | undefined> {
  // Derived from nothing that was there before: two that begin at once must not take each other's event for their own.
  const causationId = newId(clock.epochMs());
  const { result } = await clusterStreams(store).change(DEFAULT_CLUSTER, ({ state }) => {
    if (!holds()) return { events: [], result: undefined };
    const decision = clusterDecider.decide(state, { kind: 'BeginTerm', clusterId: DEFAULT_CLUSTER });
    if (decision.kind === 'rejected') throw new Rejected(decision.rejection);
    const origin = { actor: haManager, causationId, atMs: clock.epochMs() };
    const [begun] = decision.events;
    const term = begun?.type === 'ClusterTermBegan' ? begun.data.term : undefined;
    return { events: newEvents(decision.events, origin), result: term };
  });
  return result;
}
