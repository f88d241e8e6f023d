import type { RejectionOf } from '@drover/contracts';

/**
 * Whether an agent whose host id is in use asks again.
 *
 * After a quick restart it is this agent's own last life that still counts as alive, for as long as the refusal says; one that
 * lives longer than that is another machine's. A new ha-manager has heard neither and begins to count anew, and so does the
 * agent. Time in which nothing answered counts for nothing.
 */
export class HostIdContention {
  readonly #leastPatienceMs: number;
  #term: number | undefined;
  #sinceMs: number | undefined;
  #patienceMs = 0;

  constructor(leastPatienceMs: number) {
    this.#leastPatienceMs = leastPatienceMs;
  }

  /** Nothing answered: who is alive has to be heard anew. */
  unanswered(): void {
    this.#sinceMs = undefined;
  }

  /** @param nowMs by the monotonic clock. */
  mayAskAgain({ data }: RejectionOf<'HOST_ID_IN_USE'>, nowMs: number): boolean {
    const term = data?.term;
    if (this.#sinceMs === undefined || term !== this.#term) {
      this.#term = term;
      this.#sinceMs = nowMs;
      this.#patienceMs = this.#leastPatienceMs;
    }
    const told = data?.retryAfterMs;
    if (told !== undefined && told > 0) this.#patienceMs = Math.max(this.#patienceMs, 2 * told);
    return nowMs - this.#sinceMs < this.#patienceMs;
  }
}
