import type { HostId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';

/** How long a host counts as over its budget, and how long the log is silent on it. */
const TOLD_MS = 600_000;

/** Hosts that were over one of their budgets in the last ten minutes. */
export class OverBudget {
  readonly #clock: Clock;
  readonly #refusedAtMs = new Map<HostId, number>();
  readonly #toldAtMs = new Map<`${HostId}/${string}`, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get hosts(): readonly HostId[] {
    const sinceMs = this.#clock.monotonicMs() - TOLD_MS;
    return [...this.#refusedAtMs].flatMap(([hostId, refusedAtMs]) => (refusedAtMs > sinceMs ? [hostId] : []));
  }

  /** @returns whether the log is to say so: of each budget of a host once in that time. */
  add(hostId: HostId, budget: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const key = `${hostId}/${budget}` as const;
    this.#refusedAtMs.set(hostId, nowMs);
    if (nowMs - (this.#toldAtMs.get(key) ?? -Infinity) < TOLD_MS) return false;
    this.#toldAtMs.set(key, nowMs);
    return true;
  }
}
