import type { EventId, HostId, OperationId, ProjectId } from '@drover/contracts';
/** The event that a step follows from; orders, ids and their rank are derived from it. */
export interface Cause {
  readonly eventId: EventId;
  readonly revision: number;
}

/** What the open operation of one thing, or an undo that has outlived its operation, tells the executor. */
export interface OpenWork {
  readonly operationId: OperationId;
  /** What its time counts from; absent for what no operation waits for any more. */
  readonly since?: Since;
  /** Hosts that it waits for; none before they are chosen. */
  readonly hostIds: readonly HostId[];
  /** Changes whenever it is given to other hosts, or to the same ones once more: the time that they are heard counts from then. */
  readonly round: string;
  /** Hosts had it before these and have refused it. */
  readonly wasRefused: boolean;
  /** How often a host could not do it yet and is asked again. */
  readonly delays: number;
  /** It has been recorded that its time passed while a host was not heard. */
  readonly isUnheard: boolean;
  readonly projectId?: ProjectId | undefined;
  readonly traceparent?: string | undefined;
}

export interface Since {
  /** Of the event: another one begins the time anew. */
  readonly key: OperationId | EventId;
  /** When the store recorded it, milliseconds since the Unix epoch. */
  readonly recordedAtMs: number;
}

/** What has passed for the open operation of one thing, by our own monotonic clock. */
export interface Passed {
  /** Since it began, or since its undo did. */
  readonly ageMs: number;
  on(hostId: HostId): PassedOnHost;
}

export interface PassedOnHost {
  /** Of the age, how long the host could be heard; only this counts for what a host was asked to do. */
  readonly heardMs: number;
  /** Whether the host can be heard now. */
  readonly isHeard: boolean;
  /** When it was heard last, ISO 8601, for people; absent where it was not in this term. */
  readonly unheardSince?: string | undefined;
}

/**
 * How far an order has come. Known to the process that sends it, not to the stream; an operation that another process may have sent is
 * `unanswered` until the repeat is answered.
 */
export type Delivery = 'unsent' | 'unanswered' | 'taken';
