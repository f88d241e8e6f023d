import type { ClusterFact, ClusterId, FleetId, Rejection } from '@drover/contracts';
import { accept, reject, type Decider, type Decision } from '@drover/domain-kit';

/** What the store says it belongs to; undefined in an empty store. */
export type ClusterState = { readonly fleetId: FleetId; readonly storeEpoch: number } | undefined;

export interface ClaimStore {
  readonly clusterId: ClusterId;
  /** Made once by the installation. */
  readonly fleetId: FleetId;
}

/**
 * Which fleet the store belongs to: the first that came.
 *
 * A control plane that was given a store of another fleet would take that fleet's VMs for its own and its own for strange
 * ones, so it must not start at all.
 */
export const clusterDecider: Decider<ClusterState, ClaimStore, ClusterFact, Rejection> = {
  initialState: undefined,
  decide: (state: ClusterState, { clusterId, fleetId }: ClaimStore): Decision<ClusterFact, Rejection> => {
    if (state === undefined) {
      return accept({ type: 'ClusterCreated', data: { clusterId, fleetId, storeEpoch: 1 } });
    }
    if (state.fleetId === fleetId) return accept();
    return reject({
      code: 'FLEET_MISMATCH',
      detail: `the event store belongs to fleet ${state.fleetId}, this control plane is of fleet ${fleetId}`,
      data: { storeFleetId: state.fleetId, fleetId },
    });
  },
  evolve: (_, event) => ({ fleetId: event.data.fleetId, storeEpoch: event.data.storeEpoch }),
};
