import type { HostId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';

/** Far more than a host that is set up, repaired or restarted again and again needs. */
const BURST = 30;
const REFILL_MS = 60_000;

interface Account {
  readonly tokens: number;
  readonly atMs: number;
}

/**
 * How many events a host's own word may cause: they stand for ever, and every service reads them at every start. One that
 * registers with a new journal each time, or tells two inventories in turn, is slowed down to one event a minute.
 */
export class HostBudget {
  readonly #clock: Clock;
  readonly #accounts = new Map<HostId, Account>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(hostId: HostId, events: number): boolean {
    return this.#tokens(hostId) >= events;
  }

  spend(hostId: HostId, events: number): void {
    this.#accounts.set(hostId, { tokens: this.#tokens(hostId) - events, atMs: this.#clock.monotonicMs() });
  }

  #tokens(hostId: HostId): number {
    const account = this.#accounts.get(hostId);
    if (account === undefined) return BURST;
    return Math.min(BURST, account.tokens + (this.#clock.monotonicMs() - account.atMs) / REFILL_MS);
  }
}
