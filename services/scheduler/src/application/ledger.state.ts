import type { HostLoad, Rejection, StoredHostEvent, StoredVmEvent } from '@drover/contracts';
import type { Clock, Decision } from '@drover/domain-kit';
import { placementDecider, type PlacementCommand } from '../domain/placement/placement.decider.js';
import {
  initialPlacement,
  type PlacementPolicy,
  type PlacementState,
  type ReservationFact,
} from '../domain/placement/placement.state.js';

/**
 * The one place where this process keeps the placement state: the newest of a row of unchangeable ones.
 *
 * Deciding and remembering the decision happen without a pause between them, so two questions never get the same room.
 */
export class Ledger {
  readonly #clock: Clock;
  #state: PlacementState;

  constructor(policy: PlacementPolicy, clock: Clock) {
    this.#clock = clock;
    this.#state = initialPlacement(policy);
  }

  get nowMs(): number {
    return this.#clock.monotonicMs();
  }

  get state(): PlacementState {
    return this.#state;
  }

  seeEvent(event: StoredVmEvent | StoredHostEvent): void {
    this.#state = placementDecider.evolve(this.#state, {
      type: 'FleetChanged',
      event,
      nowMs: this.#clock.monotonicMs(),
    });
  }

  seeLoad(load: HostLoad): void {
    this.#state = placementDecider.evolve(this.#state, { type: 'HostLoadSeen', load });
  }

  decide(command: PlacementCommand): Decision<ReservationFact, Rejection> {
    const decision = placementDecider.decide(this.#state, command) as Decision<ReservationFact, Rejection>;
    if (decision.kind === 'accepted') this.#state = decision.events.reduce(placementDecider.evolve, this.#state);
    return decision;
  }
}
