import type { ListedDomain, Rejection, VmId } from '@drover/contracts';
import { refuseWhenFull, type HostMemory, type MemoryDemand } from '../domain/capacity/capacity.policy.js';

interface Admitted extends MemoryDemand {
  /** Lists begun before this number may not show the VM yet. Absent while its start is under way. */
  endedBeforeList?: number;
}

/**
 * Lets starts through as long as they fit, many at the same time: what was let through counts until a list that was begun
 * after its end has taken its place.
 */
export class Admission {
  readonly #hostMemory: () => Promise<HostMemory>;
  readonly #list: () => Promise<readonly ListedDomain[]>;
  readonly #admitted = new Map<VmId, Admitted>();
  #listsBegun = 0;
  #current: Promise<unknown> = Promise.resolve();
  #next: Promise<readonly ListedDomain[]> | undefined;

  constructor(hostMemory: () => Promise<HostMemory>, list: () => Promise<readonly ListedDomain[]>) {
    this.#hostMemory = hostMemory;
    this.#list = list;
  }

  async admit(wanted: MemoryDemand): Promise<Rejection | undefined> {
    const host = await this.#hostMemory();
    const domains = await this.#freshList();
    const rejection = refuseWhenFull(host, domains, [...this.#admitted.values()], wanted);
    if (rejection === undefined) this.#admitted.set(wanted.vmId, wanted);
    return rejection;
  }

  /** The start has ended, one way or the other. */
  release(vmId: VmId): void {
    const admitted = this.#admitted.get(vmId);
    if (admitted !== undefined) this.#admitted.set(vmId, { ...admitted, endedBeforeList: this.#listsBegun + 1 });
  }

  /** A list that begins after this call. All who wait for one share it. */
  #freshList(): Promise<readonly ListedDomain[]> {
    this.#next ??= this.#current.then(async () => {
      this.#next = undefined;
      this.#listsBegun += 1;
      const number = this.#listsBegun;
      const list = this.#list();
      this.#current = list.catch(() => undefined);
      const domains = await list;
      for (const [vmId, { endedBeforeList = Infinity }] of this.#admitted) {
        if (endedBeforeList <= number) this.#admitted.delete(vmId);
      }
      return domains;
    });
    return this.#next;
  }
}
