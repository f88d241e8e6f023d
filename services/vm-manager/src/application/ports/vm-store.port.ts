import type { NewEvent, Position, StoredEvent } from '@drover/contracts';

/** What vm-manager needs of the event store. Faults are `STORE_UNAVAILABLE`; their outcome tells whether an append may stand. */
export interface VmStore {
  /**
   * All of the events or none; durable once acknowledged. Idempotent by event id: `wasRepeat` tells that they stood there
   * already, and the revision and position are the old ones.
   */
  append(
    stream: string,
    expected: number | 'no-stream',
    events: readonly NewEvent[],
  ): Promise<
    | { readonly kind: 'appended'; readonly revision: number; readonly position: Position; readonly wasRepeat: boolean }
    | { readonly kind: 'conflict'; readonly actualRevision: number }
  >;
  /** The store's own time, milliseconds since the Unix epoch, never before the newest `recordedAt`. */
  now(): Promise<number>;
  /** Events of one stream from a revision on, in order; an unknown stream is empty. */
  read(stream: string, options: { readonly fromRevision: number }): Promise<readonly StoredEvent[]>;
}
