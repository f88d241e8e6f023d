import { compareOrderRanks, subjectKey, type HostOrderAnswer, type HostLower } from '@drover/contracts';
import type { Logger } from '@drover/observability';
import { newestUnsettled } from '../domain/journal/journal.state.js';
import type { JournalBook } from './journal-book.js';

/**
 * Sets the newest order of a subject down to what the store says, on an operator's word: one that vm-manager never gave would make
 * every true order superseded, for ever.
 */
export class Lower {
  readonly #book: JournalBook;
  readonly #logger: Logger;

  constructor(book: JournalBook, logger: Logger) {
    this.#book = book;
    this.#logger = logger;
  }

  /**
   * Answers `unsettled` while an order above what the newest is to be has not ended or its end is not acknowledged: vm-manager may send that one
   * again, and a journal that had forgotten it would do it twice. Answers `superseded` where the newest is another one than was named. Throws
   * `JOURNAL_UNAVAILABLE`.
   */
  async take({ subject, from, to }: HostLower): Promise<HostOrderAnswer> {
    const newest = this.#book.content.newest.get(subjectKey(subject));
    if (newest === undefined || compareOrderRanks(newest.rank, to) <= 0) return { kind: 'taken' };
    const unsettled = newestUnsettled(this.#book.content, subject);
    if (unsettled !== undefined && compareOrderRanks(unsettled, to) > 0) {
      return { kind: 'unsettled', newest: newest.rank };
    }
    if (compareOrderRanks(newest.rank, from) !== 0) return { kind: 'superseded', newest: newest.rank };
    try {
      await this.#book.record([{ kind: 'lowered', subject, rank: to }]);
    } catch (error) {
      this.#book.revoke({ kind: 'lowered', subject, ...newest });
      throw error;
    }
    this.#logger.warn('the newest order of a subject was lowered on the word of an operator', { subject, from, to });
    return { kind: 'taken' };
  }
}
