import { START, type HostFact, type HostId, type Position, type StoredHostEvent } from '@drover/contracts';
import { evolve, type HostState, type RegisteredHost } from '../domain/membership/host.state.js';

/** A host's stream as far as it has been read or written. */
export interface HostEntry {
  readonly state: HostState;
  /** -1 where the stream does not exist. */
  readonly revision: number;
  readonly position: Position;
}

const UNKNOWN: HostEntry = { state: undefined, revision: -1, position: START };

/**
 * Every host of the fleet, kept level with the store. What this process appends is folded at once, and skipped when the
 * store's feed brings it again.
 */
export class HostDirectory {
  readonly #entries = new Map<HostId, HostEntry>();

  get(hostId: HostId): HostEntry {
    return this.#entries.get(hostId) ?? UNKNOWN;
  }

  get size(): number {
    return this.#entries.size;
  }

  *members(): Generator<RegisteredHost> {
    for (const { state } of this.#entries.values()) if (state !== undefined) yield state;
  }

  count(isCounted: (host: RegisteredHost) => boolean): number {
    let count = 0;
    for (const host of this.members()) if (isCounted(host)) count += 1;
    return count;
  }

  /** Rises with every host that joins; the same on every replica that has read as far. */
  get membershipVersion(): number {
    return this.#entries.size;
  }

  seeEvent(event: StoredHostEvent): void {
    this.#fold(event.data.hostId, event, event.revision, event.position);
  }

  /** @param lastRevision that of the last fact; the others stand right before it. */
  seeAppended(hostId: HostId, facts: readonly HostFact[], lastRevision: number, position: Position): void {
    facts.forEach((fact, index) => this.#fold(hostId, fact, lastRevision - facts.length + 1 + index, position));
  }

  #fold(hostId: HostId, fact: HostFact, revision: number, position: Position): void {
    const entry = this.get(hostId);
    if (revision <= entry.revision) return;
    this.#entries.set(hostId, { state: evolve(entry.state, fact), revision, position });
  }
}
