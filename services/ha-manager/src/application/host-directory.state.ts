import type { Aggregate, Folded, Folds } from '@drover/aggregate';
import { hostKind, type HostId, type StoredHostEvent } from '@drover/contracts';
import { evolve, type HostState, type RegisteredHost } from '../domain/membership/host.state.js';

/** What this service keeps of each host. A raised `stateVersion` makes it read all events once at its next start. */
export const hostAggregate: Aggregate<HostState, StoredHostEvent> = {
  kind: hostKind.name,
  stateVersion: 1,
  initialState: undefined,
  evolve,
};

export type HostFolds = Folds<HostState, StoredHostEvent, HostId>;

/** Every host of the fleet, as the folds have it. */
export class HostDirectory {
  readonly #folds: HostFolds;

  constructor(folds: HostFolds) {
    this.#folds = folds;
  }

  get(hostId: HostId): Folded<HostState> {
    return this.#folds.get(hostId);
  }

  get size(): number {
    return this.#folds.size;
  }

  *members(): Generator<RegisteredHost> {
    for (const hostId of this.#folds.ids()) {
      const { state } = this.#folds.get(hostId);
      if (state !== undefined) yield state;
    }
  }

  count(isCounted: (host: RegisteredHost) => boolean): number {
    let count = 0;
    for (const host of this.members()) if (isCounted(host)) count += 1;
    return count;
  }

  /** Rises with every host that joins; the same on every replica that has read as far. */
  get membershipVersion(): number {
    return this.#folds.size;
  }
}
