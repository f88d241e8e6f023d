import type { Clock } from '@drover/domain-kit';
import type { Counter, Logger, Metrics } from '@drover/observability';
import { SparseLog } from './sparse-log.js';

/** Why a message was dropped without work. */
export type RefusalReason =
  /** Its answer was to go where its sender has no inbox. */
  | 'foreign-inbox'
  | 'headers-too-large'
  /** Its sender has as much waiting here as it may. */
  | 'lane-full'
  /** All senders together have. */
  | 'bus-full'
  /** Its sender no longer waits for an answer. */
  | 'expired';

/** Messages that were dropped without work: each is counted, and the log is told of some. */
export class Refusals {
  readonly #counter: Counter<'drover_messages_refused_total'>;
  readonly #log: SparseLog;

  constructor(logger: Logger, metrics: Metrics, clock: Clock) {
    this.#counter = metrics.counter('drover_messages_refused_total');
    this.#log = new SparseLog(logger, clock);
  }

  add(reason: RefusalReason, pattern: string, subject: string): void {
    this.#counter.add(1, { pattern, reason });
    this.#log.tell('warn', 'dropped a message unread', `${reason} ${subject}`, { reason, subject });
  }
}
