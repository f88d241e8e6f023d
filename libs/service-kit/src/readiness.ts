import type { Clock } from '@drover/domain-kit';
import type { Health, HealthReport } from './health.js';

/** How long an answer is good: a client that asks often does not make us ask the event store as often. */
const GOOD_FOR_MS = 1_000;
/** Sooner where something is missing: somebody waits for it. */
const BAD_FOR_MS = 200;

/** Whether requests can be answered, as it was found a moment ago. */
export class Readiness {
  readonly #health: Health;
  readonly #clock: Clock;
  #latest: { readonly report: Promise<HealthReport>; untilMs: number } | undefined;

  constructor(health: Health, clock: Clock) {
    this.#health = health;
    this.#clock = clock;
  }

  report(): Promise<HealthReport> {
    if (this.#latest !== undefined && this.#clock.monotonicMs() < this.#latest.untilMs) return this.#latest.report;
    const latest = { report: this.#health.ready(), untilMs: Infinity };
    this.#latest = latest;
    void latest.report.then(({ isOk }) => {
      latest.untilMs = this.#clock.monotonicMs() + (isOk ? GOOD_FOR_MS : BAD_FOR_MS);
    });
    return latest.report;
  }
}
