import { Streams, type Aggregate, type StreamStore } from '@drover/aggregate';
import { clusterKind, type ClusterId, type StoredClusterEvent } from '@drover/contracts';
import { clusterDecider, type ClusterState } from '../domain/cluster/cluster.decider.js';

const clusterAggregate: Aggregate<ClusterState, StoredClusterEvent> = {
  kind: clusterKind.name,
  stateVersion: 1,
  initialState: clusterDecider.initialState,
  evolve: clusterDecider.evolve,
};

/** Clusters change at a start and at a takeover: they are read when they are needed, and not followed. */
export function clusterStreams(store: StreamStore): Streams<ClusterState, StoredClusterEvent, ClusterId> {
  return new Streams(store, clusterAggregate);
}

export const haManager = { kind: 'service', id: 'ha-manager' } as const;
