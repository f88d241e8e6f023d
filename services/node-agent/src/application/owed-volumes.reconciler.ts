import type { Logger } from '@drover/observability';
import type { OwnVolumes } from './own-volumes.js';
import { within } from './stopping.js';
import type { VmWork } from './vm-work.js';

export interface OwedVolumesOptions {
  readonly volumes: OwnVolumes;
  readonly work: VmWork;
  readonly logger: Logger;
  readonly stop: AbortSignal;
  readonly intervalMs: number;
}

/** Removes the volumes that a delete had to leave, as soon as their pools can be reached. */
export class OwedVolumesReconciler {
  readonly #options: OwedVolumesOptions;
  #woken = Promise.withResolvers<void>();

  constructor(options: OwedVolumesOptions) {
    this.#options = options;
  }

  /** Something about the pools may have changed. */
  request(): void {
    this.#woken.resolve();
  }

  async run(): Promise<void> {
    const { intervalMs, stop } = this.#options;
    while (!stop.aborted) {
      const woken = this.#woken.promise;
      await this.#settle();
      await within(woken, intervalMs, stop);
      this.#woken = Promise.withResolvers<void>();
    }
  }

  async #settle(): Promise<void> {
    const { logger, stop, volumes, work } = this.#options;
    const busy = work.busy();
    for (const vmId of volumes.owing()) {
      // An order of the VM sees to its volumes itself.
      if (busy.has(vmId)) continue;
      try {
        await volumes.settleOwed(vmId);
        if (!volumes.owing().includes(vmId)) logger.info('the volumes that a delete had left are gone', { vmId });
      } catch (error) {
        if (stop.aborted) return;
        logger.warn('volumes that a delete had left cannot be removed yet', { vmId, error });
      }
    }
  }
}
