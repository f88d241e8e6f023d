import type { HostId } from '@drover/contracts';

/** The current journal epoch of every registered host, followed from `host-*` streams. */
export class HostJournals {
  readonly #epochs = new Map<HostId, number>();

  current(hostId: HostId): number | undefined {
    return this.#epochs.get(hostId);
  }

  registered(hostId: HostId, epoch: number): void {
    this.#epochs.set(hostId, epoch);
  }
}
