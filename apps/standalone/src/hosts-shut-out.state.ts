import type { StoredEvent } from '@drover/contracts';

/** The hosts that an operator has shut out or let in again, by the events in their streams. */
export class HostsShutOut {
  readonly #ids = new Set<string>();
  readonly #readmitted = new Set<string>();

  get ids(): ReadonlySet<string> {
    return this.#ids;
  }

  /** Whether the newest decision on the host is to let it in. A store that was restored may hold no decision on it at all. */
  isReadmitted(id: string): boolean {
    return this.#readmitted.has(id);
  }

  /** Returns whether it changed anything. */
  apply({ stream, type }: Pick<StoredEvent, 'stream' | 'type'>): boolean {
    const id = stream.slice('host-'.length);
    if (type === 'HostCredentialsRevoked') return move(id, this.#readmitted, this.#ids);
    if (type === 'HostReadmitted') return move(id, this.#ids, this.#readmitted);
    return false;
  }
}

function move(id: string, from: Set<string>, to: Set<string>): boolean {
  const isMoved = !to.has(id);
  from.delete(id);
  to.add(id);
  return isMoved;
}
