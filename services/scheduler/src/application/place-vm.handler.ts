import { errors, type PlaceAnswer, type PlaceQuery, type ExcludedHost, type Rejection } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { mayAnswer, takeOver, type Takeover } from '../domain/placement/takeover.policy.js';
import { findReservation, type Reservation } from '../domain/placement/placement.state.js';
import type { Ledger } from './ledger.state.js';

/** Answers `placement.place`. Only the active scheduler, and only when it knows of every reservation that may be held. */
export class PlaceVmHandler {
  readonly #ledger: Ledger;
  readonly #clock: Clock;
  readonly #holdsLease: () => boolean;
  #takeover: Takeover | undefined;

  /**
   * @param holdsLease asked right before each answer: a process that stood still may have lost its lease without having been
   * told yet, and another may be giving away the same capacity.
   */
  constructor(ledger: Ledger, clock: Clock, holdsLease: () => boolean) {
    this.#ledger = ledger;
    this.#clock = clock;
    this.#holdsLease = holdsLease;
  }

  /** Called when this scheduler has become the active one and has read to the tail. */
  becomeActive(): void {
    this.#takeover = takeOver(this.#ledger.state.fleet, this.#clock.monotonicMs());
  }

  becomePassive(): void {
    this.#takeover = undefined;
  }

  /** The same reservation id gets the same answer while its capacity is held. Throws `Fault` while it may not answer. */
  place(query: PlaceQuery): PlaceAnswer | Rejection {
    const nowMs = this.#clock.monotonicMs();
    this.#refuseWhileQuiet(nowMs);
    const decision = this.#ledger.decide({ ...query, kind: 'PlaceVm', nowMs });
    if (decision.kind === 'accepted') return placed(this.#held(query));
    const { code, data } = decision.rejection;
    if (code !== 'NO_HOST_FITS') return decision.rejection;
    const { counts, nearest } = data as { counts: Record<string, number>; nearest: ExcludedHost[] };
    return { kind: 'no-host-fits', counts, nearest };
  }

  #refuseWhileQuiet(nowMs: number): void {
    const { fleet, policy } = this.#ledger.state;
    if (this.#takeover === undefined || !this.#holdsLease()) {
      throw errors.SERVICE_UNAVAILABLE('not-applied', 'this scheduler is not the active one');
    }
    if (!mayAnswer(this.#takeover, fleet, policy.longestReservationMs, nowMs)) {
      throw errors.SERVICE_UNAVAILABLE('not-applied', 'reservations of the scheduler before may still be held');
    }
  }

  #held({ vmId, reservationId }: PlaceQuery): Reservation {
    const held = findReservation(this.#ledger.state, vmId, reservationId);
    if (held === undefined) throw new Error(`reservation ${reservationId} was accepted and is not there`);
    return held;
  }
}

function placed({ hostId, reservationId, score, runnersUp }: Reservation): PlaceAnswer {
  return { kind: 'placed', hostId, reservationId, score, runnersUp: [...runnersUp] };
}
