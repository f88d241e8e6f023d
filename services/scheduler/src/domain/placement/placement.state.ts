import {
  DEFAULT_OVERCOMMIT,
  streamSubjectId,
  type Demand,
  type HostId,
  type HostLoad,
  type Overcommit,
  type ReservationId,
  type Score,
  type StoredHostEvent,
  type StoredVmEvent,
  type VmId,
} from '@drover/contracts';
import { assertNever } from '@drover/domain-kit';
import {
  emptyFleet,
  evolveFleet,
  memoryBesideOursMiB,
  NO_USAGE,
  PersistentMap,
  usageWith,
  usageWithout,
  type FleetState,
  type Usage,
} from '@drover/fleet-model';

/** A host that came in question, and how good it was. */
export interface ScoredHost {
  readonly hostId: HostId;
  readonly score: Score;
}

/**
 * Capacity held for a placement that is not yet an event.
 *
 * It lives in this process alone. Nothing is lost with it: the caller stops relying on it when its time to live
 * has passed, and a scheduler that has just started answers nothing for that long (see `takeover.policy.ts`).
 */
export interface Reservation extends ScoredHost {
  readonly reservationId: ReservationId;
  readonly vmId: VmId;
  readonly demand: Demand;
  readonly runnersUp: readonly ScoredHost[];
  /** On this process's monotonic clock. */
  readonly expiresAtMs: number;
}

export interface PlacementPolicy {
  readonly overcommit: Overcommit;
  /** No reservation is given for longer, so that a scheduler that has just started knows how long one may still be held. */
  readonly longestReservationMs: number;
}

export const DEFAULT_POLICY: PlacementPolicy = { overcommit: DEFAULT_OVERCOMMIT, longestReservationMs: 10_000 };

/** What only the host can tell, and the store never knows. A hint: old by one report. */
export interface LoadHint {
  readonly memoryBesideOursMiB: number;
  /** What domains that are not ours may take, whatever they use now. */
  readonly foreignMemoryMiB: number;
  readonly pools: HostLoad['pools'];
}

export interface PlacementState {
  readonly policy: PlacementPolicy;
  readonly fleet: FleetState;
  /** From the newest load of each host. */
  readonly loads: PersistentMap<HostId, LoadHint>;
  /** By VM; more than one where it was asked again under another id before the first one ended. */
  readonly reservations: PersistentMap<VmId, readonly Reservation[]>;
  /** Hosts that refused a VM which was placed there, and when, on this process's monotonic clock. */
  readonly refusals: PersistentMap<HostId, number>;
  /** Sum of the reservations on each host. */
  readonly reserved: PersistentMap<HostId, Usage>;
}

/** What `decide` gives. These facts stay in memory; all others come from the event store or from the hosts. */
export type ReservationFact =
  | { readonly type: 'CapacityReserved'; readonly reservation: Reservation }
  | { readonly type: 'ReservationExtended'; readonly reservation: Reservation; readonly expiresAtMs: number }
  | { readonly type: 'ReservationExpired'; readonly reservation: Reservation };

export type PlacementEvent =
  | ReservationFact
  | {
      readonly type: 'FleetChanged';
      readonly event: StoredVmEvent | StoredHostEvent;
      /** On this process's monotonic clock. */
      readonly nowMs: number;
    }
  | { readonly type: 'HostLoadSeen'; readonly load: HostLoad };

export function initialPlacement(policy: PlacementPolicy): PlacementState {
  return {
    policy,
    fleet: emptyFleet,
    loads: PersistentMap.empty(),
    reservations: PersistentMap.empty(),
    reserved: PersistentMap.empty(),
    refusals: PersistentMap.empty(),
  };
}

export function evolve(state: PlacementState, event: PlacementEvent): PlacementState {
  switch (event.type) {
    case 'CapacityReserved':
      return withReservation(state, event.reservation);
    case 'ReservationExtended':
      return withReservation(withoutReservation(state, event.reservation), {
        ...event.reservation,
        expiresAtMs: event.expiresAtMs,
      });
    case 'ReservationExpired':
      return withoutReservation(state, event.reservation);
    case 'HostLoadSeen':
      return {
        ...state,
        loads: state.loads.set(event.load.hostId, {
          memoryBesideOursMiB: memoryBesideOursMiB(event.load),
          foreignMemoryMiB: event.load.foreignMemoryMiB ?? 0,
          pools: event.load.pools,
        }),
      };
    case 'FleetChanged':
      return {
        ...withoutSettled(state, event.event),
        fleet: evolveFleet(state.fleet, event.event),
        refusals: refusalsAfter(state, event.event, event.nowMs),
      };
    default:
      return assertNever(event);
  }
}

export function findReservation(
  state: PlacementState,
  vmId: VmId,
  reservationId: ReservationId,
): Reservation | undefined {
  return state.reservations.get(vmId)?.find((reservation) => reservation.reservationId === reservationId);
}

function withReservation(state: PlacementState, reservation: Reservation): PlacementState {
  const others = state.reservations.get(reservation.vmId) ?? [];
  const reserved = state.reserved.get(reservation.hostId) ?? NO_USAGE;
  return {
    ...state,
    reservations: state.reservations.set(reservation.vmId, [...others, reservation]),
    reserved: state.reserved.set(reservation.hostId, usageWith(reserved, counted(reservation))),
  };
}

function withoutReservation(state: PlacementState, { vmId, reservationId }: Reservation): PlacementState {
  const held = findReservation(state, vmId, reservationId);
  if (held === undefined) return state;
  const others = (state.reservations.get(vmId) ?? []).filter((reservation) => reservation !== held);
  const reserved = state.reserved.get(held.hostId) ?? NO_USAGE;
  return {
    ...state,
    reservations: others.length === 0 ? state.reservations.delete(vmId) : state.reservations.set(vmId, others),
    reserved: state.reserved.set(held.hostId, usageWithout(reserved, counted(held))),
  };
}

/** A placement that failed after a host had been chosen: that host refused it, for a reason that loads may never tell. */
function refusalsAfter(
  state: PlacementState,
  event: StoredVmEvent | StoredHostEvent,
  nowMs: number,
): PlacementState['refusals'] {
  if (event.type !== 'VmPlacementFailed') return state.refusals;
  const refused = state.fleet.vms.get(streamSubjectId(event.stream) as VmId)?.placement?.hostId;
  return refused === undefined ? state.refusals : state.refusals.set(refused, nowMs);
}

/** From these events on the fleet counts the VM, or nothing does. A VM has one place, so whatever is held for it goes. */
function withoutSettled(state: PlacementState, event: StoredVmEvent | StoredHostEvent): PlacementState {
  if (event.type !== 'VmPlaced' && event.type !== 'VmDeleted') return state;
  const held = state.reservations.get(streamSubjectId(event.stream) as VmId) ?? [];
  return held.reduce(withoutReservation, state);
}

/** A reserved VM has no volumes yet: their space is promised. */
function counted(reservation: Reservation): { readonly demand: Demand; readonly isDefined: false } {
  return { demand: reservation.demand, isDefined: false };
}
