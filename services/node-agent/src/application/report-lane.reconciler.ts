import type { Answer, HostReport, ReportLane as LaneName, ReportsAcknowledged, VmReport } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { outageOf, type Logger } from '@drover/observability';
import type { JournalChange, QueuedReport } from '../domain/journal/journal.state.js';
import type { JournalBook } from './journal-book.js';
import { doubling, pause } from './stopping.js';

export interface ReportLaneOptions {
  readonly lane: LaneName;
  readonly book: JournalBook;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stop: AbortSignal;
  readonly retryMs: number;
  /** Reports in one message. */
  readonly maxReports: number;
  /** @param waiting how many more stand in the lane behind these. */
  readonly send: (
    reports: QueuedReport[],
    journalEpoch: number,
    waiting: number,
  ) => Promise<Answer<ReportsAcknowledged>>;
  /** The receiver does not know this journal: register again. */
  readonly onRejected: () => void;
  readonly onAcknowledged?: () => void;
}

/** Guests may change their state as often as they like, and the control plane may be away for days. */
const CROWDED = 1_000;
/** Bytes of reports in one message: half of what fits, because what is around them counts as well. */
const MAX_BATCH_BYTES = 512 * 1024;

/**
 * Reports of one lane, from their making to their acknowledgement: in order, one request on its way at a time, and the
 * same ones again until the receiver says that they stand in his log.
 */
export class ReportLane {
  readonly #options: ReportLaneOptions;
  /** Reports that are made and not yet durable: nothing from the first of them on is sent. */
  readonly #writing = new Set<number>();
  #openEpoch: number | undefined;
  #wake: () => void = () => undefined;

  constructor(options: ReportLaneOptions) {
    this.#options = options;
  }

  get pending(): readonly QueuedReport[] {
    return this.#options.book.content.lanes[this.#options.lane].reports;
  }

  /** Whether so many reports wait that only those must be added that nothing else tells. */
  get isCrowded(): boolean {
    return this.pending.length >= CROWDED;
  }

  /** Its place in the lane is settled at once; resolves when it is durable, with what is written down in the same write. */
  async append(report: VmReport | HostReport, together: readonly JournalChange[] = []): Promise<void> {
    const { book, clock, lane } = this.#options;
    const sequence = book.content.lanes[lane].lastSequence + 1;
    const at = new Date(clock.epochMs()).toISOString();
    this.#writing.add(sequence);
    await book.insist([...together, { kind: 'reported', lane, report: { sequence, at, report } }]);
    this.#writing.delete(sequence);
    this.#wake();
  }

  open(journalEpoch: number): void {
    this.#openEpoch = journalEpoch;
    this.#wake();
  }

  suspend(): void {
    this.#openEpoch = undefined;
  }

  /** Sends until the agent stops. */
  async run(): Promise<void> {
    const { lane, logger, retryMs, stop } = this.#options;
    const outage = outageOf(logger, 'receiver of reports', { fields: { lane } });
    stop.addEventListener('abort', () => this.#wake(), { once: true });
    let nextWaitMs = doubling(retryMs);
    while (!stop.aborted) {
      const epoch = this.#openEpoch;
      const batch = epoch === undefined ? [] : this.#nextBatch();
      if (epoch === undefined || batch.length === 0) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      try {
        const isTaken = await this.#deliver(batch, epoch);
        outage.ended();
        if (isTaken) nextWaitMs = doubling(retryMs);
        else await pause(nextWaitMs(), stop);
      } catch (error) {
        if (stop.aborted) return;
        outage.failed(error);
        await pause(nextWaitMs(), stop);
      }
    }
  }

  /** Whether the receiver took any of them. */
  async #deliver(batch: QueuedReport[], epoch: number): Promise<boolean> {
    const { book, lane, logger } = this.#options;
    const answer = await this.#options.send(batch, epoch, this.pending.length - batch.length);
    // The journal that it was about has been renewed, and the sequences of the new one are others; or it is sent again soon.
    if (this.#openEpoch !== epoch) return false;
    if (answer.kind === 'rejected') {
      logger.warn('reports were rejected; registering again', { lane, rejection: answer.rejection });
      this.suspend();
      this.#options.onRejected();
      return false;
    }
    // What was not sent cannot have been settled.
    const throughSequence = Math.min(answer.value.throughSequence, batch.at(-1)?.sequence ?? 0);
    if (throughSequence < (batch[0]?.sequence ?? 0)) return false;
    await book.insist([{ kind: 'acknowledged', lane, throughSequence }]);
    this.#options.onAcknowledged?.();
    return true;
  }

  #nextBatch(): QueuedReport[] {
    const batch: QueuedReport[] = [];
    let bytes = 0;
    for (const report of this.pending) {
      if (batch.length === this.#options.maxReports || this.#writing.has(report.sequence)) break;
      bytes += Buffer.byteLength(JSON.stringify(report));
      if (bytes > MAX_BATCH_BYTES && batch.length > 0) break;
      batch.push(report);
    }
    return batch;
  }
}
