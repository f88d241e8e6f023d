import { errors, type ClusterFact, type ClusterId, type FleetId, type Rejection } from '@drover/contracts';
import { accept, assertNever, reject, type Decider, type Decision } from '@drover/domain-kit';

/** What the store says it belongs to; undefined in an empty store. */
export type ClusterState =
  | {
      readonly fleetId: FleetId;
      readonly storeEpoch: number;
      /** Of the ha-manager that became active last; 0 before the first. */
      readonly term: number;
    }
  | undefined;

export interface ClaimStore {
  readonly kind: 'ClaimStore';
  readonly clusterId: ClusterId;
  /** Made once by the installation. */
  readonly fleetId: FleetId;
}

/** An ha-manager became the active one. */
export interface BeginTerm {
  readonly kind: 'BeginTerm';
  readonly clusterId: ClusterId;
}

/**
 * Which fleet the store belongs to: the first that came. And which term it is: a number of the store's, because one that NATS
 * gives goes back when NATS loses its files.
 *
 * A control plane that was given a store of another fleet would take that fleet's VMs for its own and its own for strange
 * ones, so it must not start at all.
 */
export const clusterDecider: Decider<ClusterState, ClaimStore | BeginTerm, ClusterFact, Rejection> = {
  initialState: undefined,
  decide: (state: ClusterState, command: ClaimStore | BeginTerm): Decision<ClusterFact, Rejection> =>
    command.kind === 'ClaimStore' ? claim(state, command) : beginTerm(state, command),
  evolve: (state: ClusterState, event: ClusterFact): ClusterState => {
    switch (event.type) {
      case 'ClusterCreated':
        return { fleetId: event.data.fleetId, storeEpoch: event.data.storeEpoch, term: 0 };
      case 'ClusterTermBegan':
        return state === undefined ? undefined : { ...state, term: event.data.term };
      default:
        return assertNever(event);
    }
  },
};

function claim(state: ClusterState, { clusterId, fleetId }: ClaimStore): Decision<ClusterFact, Rejection> {
  if (state === undefined) {
    return accept({ type: 'ClusterCreated', data: { clusterId, fleetId, storeEpoch: 1 } });
  }
  if (state.fleetId === fleetId) return accept();
  return reject(
    errors.FLEET_MISMATCH(
      `the event store belongs to fleet ${state.fleetId}, this control plane is of fleet ${fleetId}`,
      { data: { storeFleetId: state.fleetId, fleetId } },
    ),
  );
}

function beginTerm(state: ClusterState, { clusterId }: BeginTerm): Decision<ClusterFact, Rejection> {
  if (state === undefined) {
    return reject(errors.FLEET_MISMATCH('the event store was emptied under this control plane'));
  }
  return accept({ type: 'ClusterTermBegan', data: { clusterId, term: state.term + 1 } });
}
