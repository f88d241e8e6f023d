import { errors, type PlaceQuery, type Rejection } from '@drover/contracts';
import { accept, assertNever, reject, type Decider, type Decision } from '@drover/domain-kit';
import { selectHost } from './host-selection.policy.js';
import {
  DEFAULT_POLICY,
  evolve,
  findReservation,
  initialPlacement,
  type PlacementEvent,
  type PlacementState,
  type ReservationFact,
} from './placement.state.js';

/**
 * Where a new VM goes.
 *
 * Every host passes through the filters (`filters/`, one reason to exclude it each); those left are scored (`scorers/`,
 * one reason to prefer it each); the best is chosen and its capacity held at once, so that of many VMs asked for in one
 * moment each sees what the ones before it took. The reservation ends when `VmPlaced` is seen, which then counts instead,
 * or when its time is up.
 *
 * Pure: the fleet is what the store said, loads are what hosts said, time comes with the command.
 */
export const placementDecider: Decider<PlacementState, PlacementCommand, PlacementEvent, Rejection> = {
  initialState: initialPlacement(DEFAULT_POLICY),
  decide,
  evolve,
};

export type PlacementCommand =
  | ({ readonly kind: 'PlaceVm'; /** On this process's monotonic clock. */ readonly nowMs: number } & Omit<
      PlaceQuery,
      'labels'
    >)
  | { readonly kind: 'ReleaseStaleReservations'; readonly nowMs: number };

type PlaceVm = Extract<PlacementCommand, { readonly kind: 'PlaceVm' }>;

function decide(state: PlacementState, command: PlacementCommand): Decision<ReservationFact, Rejection> {
  switch (command.kind) {
    case 'PlaceVm':
      return decidePlaceVm(state, command);
    case 'ReleaseStaleReservations':
      return accept(...staleReservations(state, command.nowMs));
    default:
      return assertNever(command);
  }
}

function decidePlaceVm(state: PlacementState, command: PlaceVm): Decision<ReservationFact, Rejection> {
  const { vmId, reservationId, demand, ttlMs, nowMs } = command;
  if (ttlMs > state.policy.longestReservationMs) {
    return reject(
      errors.INVALID_FIELD(`no capacity is held for longer than ${state.policy.longestReservationMs} ms`, {
        field: '/ttlMs',
        data: { longestReservationMs: state.policy.longestReservationMs },
      }),
    );
  }

  const held = findReservation(state, vmId, reservationId);
  const expiresAtMs = nowMs + ttlMs;
  if (held !== undefined) {
    // A caller that asks again may count its time from this question, so the reservation lasts as long from here.
    if (expiresAtMs <= held.expiresAtMs) return accept();
    return accept({ type: 'ReservationExtended', reservation: held, expiresAtMs });
  }
  const placement = state.fleet.vms.get(vmId)?.placement;
  if (placement?.reservationId === reservationId) {
    return reject(
      errors.SUPERSEDED(`this reservation has become the placement of VM ${vmId} on host ${placement.hostId}`, {
        data: { hostId: placement.hostId },
      }),
    );
  }

  const selection = selectHost(state, command, nowMs);
  if (selection.kind === 'none') {
    return reject(
      errors.NO_HOST_FITS('no host passes every filter', {
        data: { counts: selection.counts, nearest: selection.nearest },
      }),
    );
  }
  const { best, runnersUp } = selection;
  return accept({
    type: 'CapacityReserved',
    reservation: { ...best, runnersUp, reservationId, vmId, demand, expiresAtMs },
  });
}

/** Released late is safe, released early is not: the caller counts from before it asked, this side from receipt. */
function staleReservations(state: PlacementState, nowMs: number): ReservationFact[] {
  const stale: ReservationFact[] = [];
  state.reservations.forEach((reservations) => {
    for (const reservation of reservations) {
      if (reservation.expiresAtMs < nowMs) stale.push({ type: 'ReservationExpired', reservation });
    }
  });
  return stale;
}
