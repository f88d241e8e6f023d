import type { HostId, ReportSource, StoredVmEvent } from '@drover/contracts';

/** The current journal epoch of every registered host, and how far its VM reports are known to have come, followed from the store. */
export class HostJournals {
  readonly #epochs = new Map<HostId, number>();
  /** The newest report that an event follows from. */
  readonly #heard = new Map<HostId, ReportSource>();

  current(hostId: HostId): number | undefined {
    return this.#epochs.get(hostId);
  }

  registered(hostId: HostId, epoch: number): void {
    this.#epochs.set(hostId, epoch);
  }

  followed({ data }: StoredVmEvent): void {
    if (!('source' in data) || data.source === undefined) return;
    const { hostId, journalEpoch, sequence } = data.source;
    const known = this.#heard.get(hostId);
    const isNewer =
      known === undefined ||
      journalEpoch > known.journalEpoch ||
      (journalEpoch === known.journalEpoch && sequence > known.sequence);
    if (isNewer) this.#heard.set(hostId, data.source);
  }

  /** 0 where no event follows from a report of this epoch. */
  heardThrough(hostId: HostId, journalEpoch: number): number {
    const heard = this.#heard.get(hostId);
    return heard?.journalEpoch === journalEpoch ? heard.sequence : 0;
  }
}
