import type { Logger } from '@drover/observability';
import { applyChange, type JournalChange, type JournalContent } from '../domain/journal/journal.state.js';
import type { HostJournal } from './ports/journal.port.js';
import { AgentStopped, doubling, pause, throwIfStopped } from './stopping.js';

/** The journal as the agent works with it: what it decides on changes at once, and is durable when the promise says so. */
export class JournalBook {
  readonly #journal: HostJournal;
  readonly #logger: Logger;
  readonly #retryMs: number;
  readonly #stop: AbortSignal;

  constructor(journal: HostJournal, options: { logger: Logger; retryMs: number; stop: AbortSignal }) {
    this.#journal = journal;
    this.#logger = options.logger;
    this.#retryMs = options.retryMs;
    this.#stop = options.stop;
  }

  get content(): Readonly<JournalContent> {
    return this.#journal.content;
  }

  /** Tries once; the caller takes the changes back where it fails. */
  async record(changes: readonly JournalChange[]): Promise<void> {
    throwIfStopped(this.#stop);
    this.#apply(changes);
    await this.#journal.write(changes);
    throwIfStopped(this.#stop);
  }

  /** Takes back what did not become durable. */
  revoke(change: JournalChange): void {
    this.#apply([change]);
  }

  /**
   * For what has happened and cannot be taken back: tries until it is durable. Until then whatever waits for it waits: a
   * host whose disk is full says so in its log and does not forget.
   */
  async insist(changes: readonly JournalChange[]): Promise<void> {
    throwIfStopped(this.#stop);
    this.#apply(changes);
    const nextWaitMs = doubling(this.#retryMs);
    for (;;) {
      try {
        await this.#journal.write(changes);
        throwIfStopped(this.#stop);
        return;
      } catch (error) {
        throwIfStopped(this.#stop);
        this.#logger.error('the journal cannot be written; trying again', { error });
        await pause(nextWaitMs(), this.#stop);
      }
    }
  }

  /** For what only spares work after a crash: nobody waits for it. */
  note(changes: readonly JournalChange[]): void {
    this.insist(changes).catch((error: unknown) => {
      if (!(error instanceof AgentStopped)) this.#logger.error('the journal met a defect', { error });
    });
  }

  #apply(changes: readonly JournalChange[]): void {
    for (const change of changes) applyChange(this.#journal.content, change);
  }
}
