import { randomUUID } from 'node:crypto';
import { type HostId, errors } from '@drover/contracts';
import type { HostJournal, Journal } from '../../../application/ports/journal.port.js';
import { applyChange, emptyJournal, type JournalContent } from '../../../domain/journal/journal.state.js';

/** Keeps journals for as long as the object lives, so that specs can restart agents on it. */
export class MemoryJournal implements Journal {
  readonly #contents = new Map<HostId, JournalContent>();
  /** While set, nothing can be written, as on a full disk. */
  isFull = false;

  open(hostId: HostId): Promise<HostJournal> {
    const kept = this.#contents.get(hostId) ?? emptyJournal(randomUUID());
    this.#contents.set(hostId, kept);
    return Promise.resolve({
      content: structuredClone(kept),
      write: async (changes) => {
        const copy = structuredClone(changes);
        // Durable in a later turn, as on a disk.
        await Promise.resolve();
        if (this.isFull) throw errors.JOURNAL_UNAVAILABLE('not-applied', 'the journal is full');
        for (const change of copy) applyChange(kept, change);
      },
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
