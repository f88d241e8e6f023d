import type { NewEvent, Position, StoredEvent } from '@drover/contracts';

/**
 * The revision a stream must have for an append to happen: `'no-stream'`, the revision of its last event, or `'any'`.
 */
export type ExpectedRevision = number | 'no-stream' | 'any';

export type AppendResult =
  /**
   * Stored, durably. `wasRepeat` tells that all of these event ids stood in this stream already: nothing was added and the
   * revision and position are the old ones, whatever revision was expected.
   */
  | { readonly kind: 'appended'; readonly revision: number; readonly position: Position; readonly wasRepeat: boolean }
  /** Nothing was stored. `actualRevision` is -1 where the stream does not exist. */
  | { readonly kind: 'conflict'; readonly actualRevision: number };

/** What `readAll` and `subscribe` let through. Absent means everything. */
export interface EventFilter {
  /** Stream kinds, e.g. `vm`, `host`. */
  readonly streamKinds?: readonly string[];
  readonly types?: readonly string[];
}

export interface ReadAllPage {
  readonly events: readonly StoredEvent[];
  /** Read on from here; it may be past the last event where the filter left out what followed. */
  readonly next: Position;
  /** Whether nothing more stood in the store behind `next` when the page was read. */
  readonly isEnd: boolean;
}

/**
 * Takes a batch in order of position. `upTo` is the position to go on from after a restart; `events` is empty where only
 * `upTo` moved, past events that the filter left out. Must not await `stop` of its own subscription, which awaits it.
 */
export type SubscriptionHandler = (events: readonly StoredEvent[], upTo: Position) => Promise<void> | void;

export interface Subscription {
  /** Position up to which the handler has been given everything that its filter lets through. */
  readonly position: Position;
  /**
   * Resolves when the subscription has once been level with the head that the store had when it was asked; rejects when it
   * ends before.
   */
  caughtUp(): Promise<void>;
  /** Settles when it ends: resolved after `stop`, rejected with what the handler threw. Somebody must look at it. */
  readonly closed: Promise<void>;
  /** Ends it; resolves when the handler is not running and will not be called again. Idempotent. */
  stop(): Promise<void>;
}

/**
 * The truth: streams of events, one order over all of them.
 *
 * Faults are `Fault` with `STORE_UNAVAILABLE` (`outcome` tells whether an append may have happened). A refused append
 * because of the revision is an answer, not a fault. A position that the store cannot have given throws `Rejected` with
 * `INVALID_FIELD`, one at which no event stands with `POSITION_BEYOND_HEAD`.
 *
 * A store that no longer holds the newest event that this process has seen was restored from an older copy or failed over to
 * one. From then on every call fails with `STORE_TAIL_LOST`, and so does every subscription: what was folded from the lost
 * events is wrong, so the process must end. The one that starts next works on what the store holds.
 */
export interface EventStore {
  /**
   * Appends all of the events to one stream or none of them. Acknowledged means durable: it survives kill -9 of the
   * database. Appends to one stream that one process has under way are settled in the order of their calls.
   *
   * Idempotent by event id. Defects of the caller, which throw and store nothing: an empty list, an event over 256 KiB, a
   * list of which the store knows some ids and not others, an id that stands in another stream.
   */
  append(stream: string, expected: ExpectedRevision, events: readonly NewEvent[]): Promise<AppendResult>;
  /** Events of one stream in order, from `fromRevision` (0 by default); an unknown stream is empty. */
  read(
    stream: string,
    options?: { readonly fromRevision?: number; readonly limit?: number },
  ): Promise<readonly StoredEvent[]>;
  /** A page of the events behind `after`, in order of position; fewer than `limit` also where events are large. */
  readAll(after: Position, options?: { readonly filter?: EventFilter; readonly limit?: number }): Promise<ReadAllPage>;
  /** Position of the newest event; `START` when there is none. */
  head(): Promise<Position>;
  /**
   * What the store's own clock says, milliseconds since the Unix epoch, never before the newest `recordedAt`: how long ago an
   * event was recorded follows from the two without any other machine's clock.
   */
  now(): Promise<number>;
  /**
   * Everything behind `after` that the filter lets through, then what is appended from now on: in order, no gap, no
   * duplicate, also with several writing processes. The handler gets batches of at most `batchSize` (500 by default; fewer
   * where events are large), one at a time, and the next when it has resolved. Survives restarts of the database. A handler
   * that throws ends the
   * subscription and rejects its `closed`; so does a position that the store does not hold (`Rejected`), and the loss of
   * its tail (`STORE_TAIL_LOST`). Subscriptions share the event objects: no handler may change them.
   */
  subscribe(
    after: Position,
    handler: SubscriptionHandler,
    options?: { readonly filter?: EventFilter; readonly batchSize?: number },
  ): Subscription;
  /** Ends subscriptions and connections; appends under way are finished first. */
  close(): Promise<void>;
}
