import type { HostId } from '@drover/contracts';

/** Up to which sequence of which epoch every host's reports are settled, so that a repeated batch costs nothing. */
export class SettledReports {
  readonly #hosts = new Map<HostId, { readonly epoch: number; readonly sequence: number }>();

  through(hostId: HostId, journalEpoch: number): number {
    const settled = this.#hosts.get(hostId);
    return settled?.epoch === journalEpoch ? settled.sequence : 0;
  }

  settled(hostId: HostId, journalEpoch: number, sequence: number): void {
    this.#hosts.set(hostId, { epoch: journalEpoch, sequence });
  }
}
