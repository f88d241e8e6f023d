import type { Generation, VmId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import type { Hypervisor } from '@drover/hypervisor';
import { outageOf, type Logger } from '@drover/observability';
import { fullListParts, recognised, unreadableVms } from '../domain/reports/full-list.policy.js';
import { orderedSubjects } from '../domain/journal/journal.state.js';
import type { JournalBook } from './journal-book.js';
import type { OwnVolumes } from './own-volumes.js';
import type { ReportLane } from './report-lane.reconciler.js';
import { doubling, pause, within } from './stopping.js';
import type { VmWork } from './vm-work.js';

export interface FullListOptions {
  readonly book: JournalBook;
  readonly hypervisor: Hypervisor;
  readonly volumes: OwnVolumes;
  readonly lane: ReportLane;
  readonly work: VmWork;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stop: AbortSignal;
  readonly intervalMs: number;
  readonly retryMs: number;
  /** Of a VM that this agent was ever told of. */
  readonly generationOf: (vmId: VmId) => Generation | undefined;
}

/**
 * Reports every domain of the host from time to time and when it is asked to. Whatever a signal did not tell is settled
 * from this list. One list waits in the lane at most: a second would only be older news.
 */
export class FullListReconciler {
  readonly #options: FullListOptions;
  #isDue = false;
  #woken = Promise.withResolvers<void>();

  constructor(options: FullListOptions) {
    this.#options = options;
  }

  /** Being asked is a hint: many requests may lead to one list, which is taken after the last of them. */
  request(): void {
    this.#isDue = true;
    this.#woken.resolve();
  }

  /** The lane has become shorter. */
  laneMoved(): void {
    if (this.#isDue) this.#woken.resolve();
  }

  async run(): Promise<void> {
    const { intervalMs, logger, retryMs, stop } = this.#options;
    const outage = outageOf(logger, 'list of domains');
    let nextWaitMs = doubling(retryMs);
    while (!stop.aborted) {
      try {
        if (this.#isDue && !this.#isWaiting()) {
          this.#isDue = false;
          await this.#report();
          outage.ended();
          nextWaitMs = doubling(retryMs);
        } else {
          // A new one for each wait: what hangs on one that is never woken would add up.
          this.#woken = Promise.withResolvers<void>();
          if (await within(this.#woken.promise, intervalMs, stop)) this.#isDue = true;
        }
      } catch (error) {
        if (stop.aborted) return;
        outage.failed(error);
        this.#isDue = true;
        await pause(nextWaitMs(), stop);
      }
    }
  }

  #isWaiting(): boolean {
    return this.#options.lane.pending.some(({ report }) => report.kind === 'full-list');
  }

  async #report(): Promise<void> {
    const { book, clock, generationOf, hypervisor, lane, logger, volumes, work } = this.#options;
    work.forgetEchoes(clock.monotonicMs());
    await work.whileWatching(async (touched) => {
      const domains = await volumes.withProblems(recognised(await hypervisor.list(), generationOf));
      for (const { libvirtUuid, title, isUntracked, unreadable } of domains) {
        if (isUntracked === true) logger.warn('a process runs that libvirt does not know', { libvirtUuid, title });
        if (unreadable !== undefined) logger.warn('a domain cannot be read', { libvirtUuid, title, unreadable });
      }
      // Before the table has come, nothing of what stands in the journal is worked on yet, and all of it will be.
      const unclear = new Set([
        ...touched,
        ...orderedSubjects(book.content).map(({ id }) => id),
        ...unreadableVms(domains),
      ]);
      for (const { ours } of domains) if (ours !== undefined) work.generations.set(ours.vmId, ours.generation);
      // Their places in the lane follow each other, because nothing is awaited in between.
      await Promise.all(fullListParts(domains, [...unclear]).map((part) => lane.append(part)));
    });
  }
}
