import type { ImageInspected, ImageOrder, OrderId } from '@drover/contracts';
import type { Hypervisor } from '@drover/hypervisor';
import { withContext, type Logger } from '@drover/observability';
import { errorReportOf } from './error-report.js';
import type { JournalBook } from './journal-book.js';
import { Limiter } from './limiter.js';
import type { ReportLane } from './report-lane.reconciler.js';
import { AgentStopped, throwIfStopped } from './stopping.js';

export interface ImageOrderRunnerOptions {
  readonly hypervisor: Pick<Hypervisor, 'inspectImage'>;
  readonly book: JournalBook;
  readonly lane: Pick<ReportLane, 'append'>;
  readonly logger: Logger;
  readonly stop: AbortSignal;
}

/**
 * Carries out orders to inspect images, one after the other: each reads files that may be as large as the host's disks. It changes
 * nothing, so an order that a killed agent had begun is begun again.
 */
export class ImageOrderRunner {
  readonly #options: ImageOrderRunnerOptions;
  readonly #turns = new Limiter(1);
  /** Not waited for at the end of the agent: the driver ends its reading, and the next agent begins it again. */
  readonly #running = new Set<OrderId>();

  constructor(options: ImageOrderRunnerOptions) {
    this.#options = options;
  }

  /** A taken order that is durable; one that is under way already goes on. */
  enqueue(order: ImageOrder): void {
    const { logger } = this.#options;
    const { operationId, orderId } = order;
    if (this.#running.has(orderId)) return;
    this.#running.add(orderId);
    void withContext({ operationId }, () => this.#turns.run(() => this.#run(order)))
      .catch((error: unknown) => {
        if (!(error instanceof AgentStopped)) logger.error('an order met a defect', { orderId, error });
      })
      .finally(() => this.#running.delete(orderId));
  }

  async #run(order: ImageOrder): Promise<void> {
    const { lane, logger } = this.#options;
    const { operationId, orderId, subject } = order;
    const ids = { order: order.kind, orderId, imageId: subject.id };
    const result = await this.#inspect(order);
    if (result.kind === 'failed') logger.warn('an order failed', { ...ids, ...result });
    else logger.info('an order has ended', { ...ids, result: result.kind });
    const report = { kind: 'image-inspected', orderId, subject, operationId, result } as const;
    await lane.append(report, [{ kind: 'ended', orderId }]);
  }

  async #inspect({ name }: ImageOrder): Promise<ImageInspected['result']> {
    const { hypervisor, stop } = this.#options;
    throwIfStopped(stop);
    try {
      return { kind: 'done', contents: await hypervisor.inspectImage(name) };
    } catch (error) {
      // What was cut off by the end of the agent is no failure of the image.
      throwIfStopped(stop);
      return { kind: 'failed', error: errorReportOf(error) };
    }
  }
}
