import type { HostId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';

const WINDOW_MS = 3_600_000;

/** How many things of a kind each host may make the control plane keep in an hour. */
export class HostBudget {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #spent = new Map<HostId, { readonly sinceMs: number; readonly count: number }>();

  constructor(clock: Clock, max: number) {
    this.#clock = clock;
    this.#max = max;
  }

  /** Whether one more is within the budget; it is then spent. */
  take(hostId: HostId): boolean {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#spent.get(hostId);
    const spent = known === undefined || nowMs - known.sinceMs >= WINDOW_MS ? { sinceMs: nowMs, count: 0 } : known;
    if (spent.count >= this.#max) return false;
    this.#spent.set(hostId, { ...spent, count: spent.count + 1 });
    return true;
  }
}
