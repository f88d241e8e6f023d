import { vmSubject, type Generation, type VmId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { Reboots, REBOOTS_EVERY_MS } from '../domain/reports/reboots.policy.js';
import type { ReportLane } from './report-lane.reconciler.js';
import { pause } from './stopping.js';
import type { VmSignal } from './vm-work.js';

export interface ChangeReportsOptions {
  readonly lane: ReportLane;
  readonly clock: Clock;
  readonly stop: AbortSignal;
  readonly generationOf: (vmId: VmId) => Generation | undefined;
  /** The next full list tells what has no generation here, and what would only make a long queue longer. */
  readonly requestFullList: () => void;
}

/** Reports what happened to VMs by itself; reboots of a guest that boots again and again together, once a minute. */
export class ChangeReports {
  readonly #options: ChangeReportsOptions;
  readonly #reboots = new Reboots();

  constructor(options: ChangeReportsOptions) {
    this.#options = options;
  }

  async report(signal: VmSignal): Promise<void> {
    if (signal.change !== 'rebooted') return this.#append(signal);
    const count = this.#reboots.take(signal.vmId, this.#options.clock.monotonicMs());
    if (count !== undefined) await this.#append(signal, count);
  }

  /** Tells the reboots that have waited for their minute. */
  async run(): Promise<void> {
    const { clock, stop } = this.#options;
    while (!stop.aborted) {
      await pause(REBOOTS_EVERY_MS, stop);
      await this.tellDue(clock.monotonicMs());
    }
  }

  async tellDue(nowMs: number): Promise<void> {
    for (const { vmId, count } of this.#reboots.due(nowMs)) {
      await this.#append(
        { kind: 'vm-changed', vmId, powerState: 'RUNNING', change: 'rebooted', cause: 'guest' },
        count,
      );
    }
  }

  async #append({ vmId, powerState, change, cause }: VmSignal, count = 1): Promise<void> {
    const { generationOf, lane, requestFullList } = this.#options;
    const generation = generationOf(vmId);
    if (generation === undefined || lane.isCrowded) requestFullList();
    else {
      const counted = count === 1 ? {} : { count };
      await lane.append({
        kind: 'vm-changed',
        subject: vmSubject(vmId),
        generation,
        powerState,
        change,
        cause,
        ...counted,
      });
    }
  }
}
