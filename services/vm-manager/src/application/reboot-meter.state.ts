import type { ReportSource, VmId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';

/** A guest that reboots without end has one event in this time. */
const BETWEEN_EVENTS_MS = 60_000;
const MANY = 1_000;

interface Metered {
  readonly recordedAtMs: number;
  /** Reported since, and told by the next event. */
  readonly untold: number;
  readonly source: ReportSource;
}

/** How many reboots of a VM the next event tells of, so that no guest and no host fills the store with them. */
export class RebootMeter {
  readonly #clock: Clock;
  readonly #vms = new Map<VmId, Metered>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many are to be recorded now, those untold among them; undefined while the last event is too near. */
  due(vmId: VmId, count: number, source: ReportSource): number | undefined {
    const metered = this.#vms.get(vmId);
    if (metered === undefined) return count;
    const isOver = this.#clock.monotonicMs() - metered.recordedAtMs >= BETWEEN_EVENTS_MS;
    const total = metered.untold + count;
    if (isOver) return total;
    // A report that comes again has been counted.
    const { journalEpoch, sequence } = metered.source;
    if (source.journalEpoch !== journalEpoch || source.sequence > sequence) {
      this.#vms.set(vmId, { ...metered, untold: total, source });
    }
    return undefined;
  }

  recorded(vmId: VmId, source: ReportSource): void {
    if (this.#vms.size >= MANY) this.#forgetOld();
    this.#vms.set(vmId, { recordedAtMs: this.#clock.monotonicMs(), untold: 0, source });
  }

  #forgetOld(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [vmId, { recordedAtMs, untold }] of this.#vms) {
      if (untold === 0 && nowMs - recordedAtMs >= BETWEEN_EVENTS_MS) this.#vms.delete(vmId);
    }
  }
}
