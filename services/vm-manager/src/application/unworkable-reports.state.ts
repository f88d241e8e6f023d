import type { HostId, ReportSource } from '@drover/contracts';
import { KeyedBudget, type Clock } from '@drover/domain-kit';
import { reportId } from '../domain/settlement/report-ids.policy.js';
import type { DeadLetters } from './ports/dead-letters.port.js';
import type { Log } from '@drover/operations';

const HOUR_S = 3_600;
/** Reports of one host that are kept in an hour; the rest is acknowledged without. */
const LETTERS = { burst: 100, perSecond: 100 / HOUR_S };
const WARNINGS = { burst: 1, perSecond: 1 / HOUR_S };
const MAX_LETTER_BYTES = 64 * 1024;

/** Keeps reports that cannot be worked on as dead letters, so that they block no other: of each host only so many. */
export class UnworkableReports {
  readonly #deadLetters: DeadLetters;
  readonly #log: Log;
  readonly #letters: KeyedBudget<HostId>;
  readonly #warnings: KeyedBudget<HostId>;

  constructor(deadLetters: DeadLetters, clock: Clock, log: Log) {
    this.#deadLetters = deadLetters;
    this.#log = log;
    this.#letters = new KeyedBudget(clock, LETTERS);
    this.#warnings = new KeyedBudget(clock, WARNINGS);
  }

  async keep(source: ReportSource, report: unknown, reason: string): Promise<void> {
    const { hostId } = source;
    if (!this.#letters.take(hostId)) {
      // Once an hour: a host can send thousands of them in a second.
      if (this.#warnings.take(hostId)) {
        this.#log.warn('a host sends many reports that cannot be read; no more of them are kept for now', {
          report: reportId(source),
        });
      }
      return;
    }
    await this.#deadLetters.keep({
      source: 'vm-manager',
      // Of the host and not of the report: what is kept is bounded by the subject.
      subject: `vm reports of host ${hostId}`,
      reason: `${reason}: ${reportId(source)}`,
      payload: new TextEncoder().encode(JSON.stringify(report) ?? '').subarray(0, MAX_LETTER_BYTES),
    });
  }
}
