import type { Clock } from '@drover/domain-kit';
import type { Ledger } from './ledger.state.js';

/** Gives free what is held for placements that will not be made any more. Woken now and then; being late is safe. */
export class ReleaseStaleReservations {
  readonly #ledger: Ledger;
  readonly #clock: Clock;

  constructor(ledger: Ledger, clock: Clock) {
    this.#ledger = ledger;
    this.#clock = clock;
  }

  reconcile(): void {
    this.#ledger.decide({ kind: 'ReleaseStaleReservations', nowMs: this.#clock.monotonicMs() });
  }
}
