import { errors, type HostId } from '@drover/contracts';
import { KeyedBudget, type Clock } from '@drover/domain-kit';
import type { Log } from '@drover/operations';
import type { OverBudget } from './over-budget.state.js';

/** What an agent has gathered in a long outage is taken at once; no host holds the thread that is there for all. */
const REPORTS = { burst: 2_000, perSecond: 500 };

/** How many reports of a host are worked on, whatever they say. */
export class ReportBudget {
  readonly #budget: KeyedBudget<HostId>;
  readonly #over: OverBudget;
  readonly #log: Log;
  #refused = 0;

  constructor(clock: Clock, over: OverBudget, log: Log) {
    this.#budget = new KeyedBudget(clock, REPORTS);
    this.#over = over;
    this.#log = log;
  }

  /** How many reports were sent away since this process began. */
  get refused(): number {
    return this.#refused;
  }

  /** Throws a `Fault` where the host has to send them again later. One message may overdraw, and the next waits until that is paid. */
  spend(hostId: HostId, reports: number): void {
    if (this.#budget.has(hostId)) {
      this.#budget.spend(hostId, reports);
      return;
    }
    this.#refused += reports;
    if (this.#over.add(hostId, 'reports')) {
      this.#log.warn('a host sends more reports than are worked on; it is to send them again later', { hostId });
    }
    const detail = `host ${hostId} sends more than ${REPORTS.perSecond} reports a second; they are worked on when it sends them again`;
    throw errors.SERVICE_UNAVAILABLE('not-applied', detail);
  }
}
