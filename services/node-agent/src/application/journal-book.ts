import type { Logger } from '@drover/observability';
import { applyChange, type JournalChange, type JournalContent } from '../domain/journal/journal.state.js';
import type { HostJournal } from './ports/journal.port.js';
import { AgentStopped, doubling, pause, throwIfStopped } from './stopping.js';

interface Entry {
  readonly changes: readonly JournalChange[];
  /** What has happened stays in its place until it is durable; what is only intended is given up where it fails. */
  readonly isInsisted: boolean;
  readonly written: PromiseWithResolvers<void>;
}

/**
 * The journal as the agent works with it: what it decides on changes at once, and is durable when the promise says so.
 *
 * Changes reach the disk in the order they were made, whatever fails meanwhile: one that is written again never comes after a
 * later one. What gathers during one write goes with the next.
 */
export class JournalBook {
  readonly #journal: HostJournal;
  readonly #logger: Logger;
  readonly #retryMs: number;
  readonly #stop: AbortSignal;
  #waiting: Entry[] = [];
  #isWriting = false;

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
    await this.#write(changes, false);
  }

  /** Takes back what did not become durable. */
  revoke(change: JournalChange): void {
    applyChange(this.#journal.content, change);
  }

  /**
   * For what has happened and cannot be taken back: tries until it is durable, and so does everything after it. A host whose
   * disk is full says so in its log and does not forget.
   */
  async insist(changes: readonly JournalChange[]): Promise<void> {
    await this.#write(changes, true);
  }

  /** For what only spares work after a crash: the caller goes on before it is durable. */
  note(changes: readonly JournalChange[]): void {
    this.insist(changes).catch((error: unknown) => {
      if (!(error instanceof AgentStopped)) this.#logger.error('the journal met a defect', { error });
    });
  }

  async #write(changes: readonly JournalChange[], isInsisted: boolean): Promise<void> {
    throwIfStopped(this.#stop);
    for (const change of changes) applyChange(this.#journal.content, change);
    const written = Promise.withResolvers<void>();
    this.#waiting.push({ changes, isInsisted, written });
    if (!this.#isWriting) void this.#writeAll();
    await written.promise;
    throwIfStopped(this.#stop);
  }

  /** Settles every entry; never rejects. */
  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    let nextWaitMs = doubling(this.#retryMs);
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        throwIfStopped(this.#stop);
        await this.#journal.write(batch.flatMap(({ changes }) => changes));
        for (const { written } of batch) written.resolve();
        nextWaitMs = doubling(this.#retryMs);
      } catch (error) {
        this.#waiting = [...this.#afterFailure(batch, error), ...this.#waiting];
        if (this.#waiting.length > 0) await pause(nextWaitMs(), this.#stop).catch(ignoreStop);
      }
    }
    this.#isWriting = false;
  }

  /** What must be written again, in its order. */
  #afterFailure(batch: readonly Entry[], error: unknown): readonly Entry[] {
    const kept = this.#stop.aborted ? [] : batch.filter(({ isInsisted }) => isInsisted);
    for (const entry of batch) if (!kept.includes(entry)) entry.written.reject(error);
    if (kept.length > 0) this.#logger.error('the journal cannot be written; trying again', { error });
    return kept;
  }
}

/** The next round finds that the agent stops, and tells each that waits. */
function ignoreStop(error: unknown): void {
  if (!(error instanceof AgentStopped)) throw error;
}
