import { MAX_REBOOTS, type ReportSource, type VmId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { compareReports } from '../domain/vm/vm.state.js';

/** A guest that reboots without end has one event in this time. */
const BETWEEN_EVENTS_MS = 60_000;
/** From so many VMs on, those are forgotten of which nothing is to be told. */
const MANY = 1_000;

interface Metered {
  /** Of the last event; absent where none was recorded. */
  readonly recordedAtMs?: number;
  /** Reported since, and told by the next event. */
  readonly untold: number;
  /** The newest report that was counted. */
  readonly source: ReportSource;
}

/** How many reboots of a VM the next event tells of, so that no guest and no host fills the store with them. */
export class RebootMeter {
  readonly #clock: Clock;
  readonly #isThere: (vmId: VmId) => boolean;
  readonly #vms = new Map<VmId, Metered>();
  #forgetAt = MANY;

  /** @param isThere whether the VM may still reboot; what was counted of one that is gone is never told. */
  constructor(clock: Clock, isThere: (vmId: VmId) => boolean) {
    this.#clock = clock;
    this.#isThere = isThere;
  }

  get size(): number {
    return this.#vms.size;
  }

  /**
   * How many are to be recorded now, those untold among them; undefined while the last event is too near. For reports of the VM's own host
   * alone: sequences of two hosts say nothing of each other.
   */
  due(vmId: VmId, count: number, source: ReportSource): number | undefined {
    const metered = this.#of(vmId, source);
    if (metered === undefined) return count;
    // A report that comes again has been counted.
    const isCounted = compareReports(source, metered.source) <= 0;
    const total = Math.min(MAX_REBOOTS, metered.untold + (isCounted ? 0 : count));
    if (this.#isOver(metered)) return total;
    if (!isCounted) this.#vms.set(vmId, { ...metered, untold: total, source });
    return undefined;
  }

  recorded(vmId: VmId, source: ReportSource): void {
    this.#set(vmId, { recordedAtMs: this.#clock.monotonicMs(), untold: 0, source });
  }

  /** They were due and over the host's budget: the next event tells of them. */
  notRecorded(vmId: VmId, count: number, source: ReportSource): void {
    this.#set(vmId, { ...this.#of(vmId, source), untold: count, source });
  }

  /** What was counted of the VM while another host had it is over. */
  #of(vmId: VmId, { hostId }: ReportSource): Metered | undefined {
    const metered = this.#vms.get(vmId);
    return metered?.source.hostId === hostId ? metered : undefined;
  }

  #set(vmId: VmId, metered: Metered): void {
    this.#vms.set(vmId, metered);
    if (this.#vms.size >= this.#forgetAt) this.#forget();
  }

  #forget(): void {
    for (const [vmId, metered] of this.#vms) {
      if (!this.#isThere(vmId) || (metered.untold === 0 && this.#isOver(metered))) this.#vms.delete(vmId);
    }
    // Looked at again only once twice as many are kept, so that the cost of looking stays in proportion.
    this.#forgetAt = Math.max(MANY, 2 * this.#vms.size);
  }

  #isOver({ recordedAtMs }: Metered): boolean {
    return recordedAtMs === undefined || this.#clock.monotonicMs() - recordedAtMs >= BETWEEN_EVENTS_MS;
  }
}
