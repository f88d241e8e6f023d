import type { Clock } from '@drover/domain-kit';
import type { Logger } from '@drover/observability';

const EVERY_MS = 10_000;
const MAX_KINDS = 1000;

/**
 * For what a sender can cause as often as it likes: the log is told the first of a kind, and then at most one in ten seconds,
 * with the number of those that were left out.
 */
export class SparseLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #told = new Map<string, { readonly atMs: number; leftOut: number }>();

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  tell(level: 'warn' | 'error', message: string, kind: string, fields: Readonly<Record<string, unknown>>): void {
    const nowMs = this.#clock.monotonicMs();
    const key = `${message} ${kind}`;
    const last = this.#told.get(key);
    if (last !== undefined && nowMs - last.atMs < EVERY_MS) {
      last.leftOut += 1;
      return;
    }
    if (this.#told.size >= MAX_KINDS) this.#told.clear();
    this.#told.set(key, { atMs: nowMs, leftOut: 0 });
    const leftOut = last?.leftOut ?? 0;
    this.#logger[level](message, leftOut === 0 ? fields : { ...fields, leftOut });
  }
}
