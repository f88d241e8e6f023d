import type { StoredEvent } from '@drover/contracts';

/** The hosts that an operator has shut out, by the events in their streams. */
export class HostsShutOut {
  readonly #ids = new Set<string>();

  get ids(): ReadonlySet<string> {
    return this.#ids;
  }

  /** Returns whether it changed anything. */
  apply({ stream, type }: Pick<StoredEvent, 'stream' | 'type'>): boolean {
    const id = stream.slice('host-'.length);
    const before = this.#ids.has(id);
    if (type === 'HostCredentialsRevoked') this.#ids.add(id);
    if (type === 'HostReadmitted') this.#ids.delete(id);
    return before !== this.#ids.has(id);
  }
}
