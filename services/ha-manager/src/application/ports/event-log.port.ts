import type { NewEvent, Position, StoredEvent } from '@drover/contracts';

/** What this service needs of the event store; the store itself is one. Faults are `STORE_UNAVAILABLE`. */
export interface EventLog {
  /**
   * All of the events or none, durable once resolved. `wasRepeat`: these very events stood there before, whatever revision was
   * expected, and nothing was added.
   */
  append(
    stream: string,
    expected: number | 'no-stream',
    events: readonly NewEvent[],
  ): Promise<
    | { readonly kind: 'appended'; readonly revision: number; readonly position: Position; readonly wasRepeat: boolean }
    | { readonly kind: 'conflict' }
  >;
  /** In order, from `fromRevision` (0 by default); an unknown stream is empty. */
  read(stream: string, options?: { readonly fromRevision?: number }): Promise<readonly StoredEvent[]>;
}
