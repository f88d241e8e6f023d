import type { HostId } from '@drover/contracts';
import type { JournalChange, JournalContent } from '../../domain/journal/journal.state.js';

/** Where agents write down what may not be lost. One may serve the agents of many simulated hosts. */
export interface Journal {
  /** The host's part, made where there is none yet. Fails with `JOURNAL_UNAVAILABLE`. */
  open(hostId: HostId): Promise<HostJournal>;
  /** Resolves when everything written is durable. */
  close(): Promise<void>;
}

export interface HostJournal {
  /** What was durable when it was opened; the caller's own from then on. */
  readonly content: JournalContent;
  /**
   * Resolves when the changes survive a power cut: all of them, in order after all that was written before, or none.
   * Writes waiting at the same time share one flush to disk. Rejects with `JOURNAL_UNAVAILABLE`, `not-applied`.
   */
  write(changes: readonly JournalChange[]): Promise<void>;
}
