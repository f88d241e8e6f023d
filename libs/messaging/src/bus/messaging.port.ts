import type { Answer, Subjects } from '@drover/contracts';
import type { ZodType } from 'zod';

export { answered, answerOf, rejected, type Answer } from '@drover/contracts';

/** Ids that travel in headers, apart from the payload; trace context travels by itself. */
export interface MessageHeaders {
  /** The same in every repeat of a message, so that the receiver recognises it. */
  readonly id: string;
  readonly operationId?: string;
  readonly causationId?: string;
  readonly traceparent?: string;
  /** Milliseconds the message is worth answering, from its receipt. */
  readonly ttlMs?: number;
}

export interface IncomingMessage {
  readonly subject: string;
  readonly headers: MessageHeaders;
  /** Parsed JSON, not yet checked: see `readMessage`. */
  readonly payload: unknown;
}

/** Returns an answer, or throws a `Rejected`, a `Fault` or a defect; what it does must bear repeats of the same `headers.id`. */
export type RequestHandler = (message: IncomingMessage) => Promise<Answer> | Answer;
export type MessageHandler = (message: IncomingMessage) => Promise<void> | void;

export interface MessageOptions {
  /** A new UUIDv7 by default. Derive it from the cause where there is one. */
  readonly id?: string;
  readonly operationId?: string;
  readonly causationId?: string;
}

export interface RequestOptions<Value = unknown> extends MessageOptions {
  /** How long an answer is waited for, repeats included. Counted from the first send. */
  readonly ttlMs: number;
  /**
   * `none` (the default) sends once. `until-ttl` sends the same message again, with exponential backoff and jitter, while
   * there is no answer, no responder, no connection, or a fault that changed nothing.
   */
  readonly retry?: 'none' | 'until-ttl';
  /** What an answer must look like; another one is `UNREADABLE_MESSAGE` with outcome `unknown`. */
  readonly schema?: ZodType<Value>;
  /** Gives up early: throws what the end of the time to live would. */
  readonly signal?: AbortSignal;
}

export interface SubscribeOptions {
  /** Of the subscribers with the same queue name, one gets each message. */
  readonly queue?: string;
}

export interface MessagingSubscription {
  /** Takes no more messages; resolves when those under way have been answered. Idempotent. */
  stop(): Promise<void>;
}

export type ConnectionState = 'connected' | 'disconnected' | 'closed';

/**
 * Messages in flight. Nothing here is kept: what may not be lost stands in its sender's log and is sent again.
 *
 * Payloads are plain JSON of at most `maxPayloadBytes`; a larger one is a defect of the caller and throws `RangeError`.
 */
export interface Messaging {
  /** Names under the prefix of this installation. All subjects given here are whole, as `subjects` makes them. */
  readonly subjects: Subjects;
  readonly maxPayloadBytes: number;
  readonly state: ConnectionState;
  /**
   * Asks and waits. A rejection is returned. Thrown is a `Fault`: the responder's own, rebuilt with its outcome, or
   * - `SERVICE_UNAVAILABLE`, `not-applied`: no receiver listens there;
   * - `TIMED_OUT`, `unknown`: it was sent and no answer came in time;
   * - `MESSAGING_UNAVAILABLE`: no connection; `not-applied` if nothing was sent, else `unknown`;
   * - `UNREADABLE_MESSAGE`: the responder could not read it (`not-applied`) or we not the answer (`unknown`);
   * - `INTERNAL`, `unknown`: the responder has a defect; `not-applied`: the credentials do not allow the subject.
   */
  request<Value = unknown>(subject: string, payload: unknown, options: RequestOptions<Value>): Promise<Answer<Value>>;
  /** Sends once and forgets; what is published without a connection is dropped and counted. */
  publish(subject: string, payload: unknown, options?: MessageOptions): void;
  /** Handlers run at the same time. What one throws is logged and counted. */
  subscribe(subject: string, handler: MessageHandler, options?: SubscribeOptions): MessagingSubscription;
  /**
   * Answers requests. A repeat of a request that is still being worked on is not handled a second time: the answer of the
   * first serves both. One that comes after the answer was sent is handled again, so handlers must bear repeats.
   */
  respond(subject: string, handler: RequestHandler, options?: SubscribeOptions): MessagingSubscription;
  /** Called after each reconnect, when subscriptions are in place again. Returns how to stop. */
  onReconnect(listener: () => void): () => void;
  /** Resolves when the server has taken all that was sent and subscribed before. */
  flush(): Promise<void>;
  /** Stops subscriptions, lets handlers under way answer, then closes. Idempotent. */
  drain(): Promise<void>;
  /** Closes at once; requests under way fail. Idempotent. */
  close(): Promise<void>;
}

/** A message that could not be read, kept for a person. */
export interface DeadLetter {
  /** Who could not read it: the name of the connection, e.g. `vm-manager`. */
  readonly source: string;
  readonly subject: string;
  /** As received, cut after `DEAD_LETTER_MAX_BYTES`. */
  readonly payload: Uint8Array;
  /** What was wrong with it; names of fields, no values. */
  readonly reason: string;
  /** ISO 8601 UTC. */
  readonly receivedAt: string;
}

export const DEAD_LETTER_MAX_BYTES = 64 * 1024;

/** Where unreadable messages go; the event store's `DeadLetters` is one. When `keep` rejects, the sender is told to send again. */
export interface DeadLetters {
  keep(letter: DeadLetter): Promise<void>;
}
