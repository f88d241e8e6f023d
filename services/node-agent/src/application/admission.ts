import type { Rejection, VmId } from '@drover/contracts';
import {
  refuseWhenFull,
  type HeldMemory,
  type HostMemory,
  type MemoryDemand,
} from '../domain/capacity/capacity.policy.js';

interface Admitted extends MemoryDemand {
  /** Looks begun before this number may not show the VM yet. Absent while its start is under way. */
  endedBeforeLook?: number;
}

/**
 * Lets starts through as long as they fit, many at the same time: what was admitted counts until a look at the host that
 * was begun after its end has taken its place. Nothing is remembered of other domains, which come and go as others please.
 */
export class Admission {
  readonly #hostMemory: () => Promise<HostMemory>;
  readonly #heldMemory: () => Promise<HeldMemory>;
  readonly #admitted = new Map<VmId, Admitted>();
  #looksBegun = 0;
  #current: Promise<unknown> = Promise.resolve();
  #next: Promise<HeldMemory> | undefined;

  constructor(hostMemory: () => Promise<HostMemory>, heldMemory: () => Promise<HeldMemory>) {
    this.#hostMemory = hostMemory;
    this.#heldMemory = heldMemory;
  }

  async admit(wanted: MemoryDemand): Promise<Rejection | undefined> {
    const host = await this.#hostMemory();
    const held = await this.#freshLook();
    const rejection = refuseWhenFull(host, held, [...this.#admitted.values()], wanted);
    if (rejection === undefined) this.#admitted.set(wanted.vmId, wanted);
    return rejection;
  }

  /** The start has ended, one way or the other. */
  release(vmId: VmId): void {
    const admitted = this.#admitted.get(vmId);
    if (admitted !== undefined) this.#admitted.set(vmId, { ...admitted, endedBeforeLook: this.#looksBegun + 1 });
  }

  /** A look that begins after this call. All who wait for one share it. */
  #freshLook(): Promise<HeldMemory> {
    this.#next ??= this.#current.then(async () => {
      this.#next = undefined;
      this.#looksBegun += 1;
      const number = this.#looksBegun;
      const look = this.#heldMemory();
      // Those who wait for this look get its error; the next look is made all the same.
      this.#current = look.catch(() => undefined);
      const held = await look;
      for (const [vmId, { endedBeforeLook = Infinity }] of this.#admitted) {
        if (endedBeforeLook <= number) this.#admitted.delete(vmId);
      }
      return held;
    });
    return this.#next;
  }
}
