import { errors, messageHeaders, type Subjects, isFailure } from '@drover/contracts';
import { newId, type Clock } from '@drover/domain-kit';
import { inSpan, reasonOf, type Counter, type Logger, type Metrics } from '@drover/observability';
import {
  DEAD_LETTER_MAX_BYTES,
  type DeadLetters,
  type IncomingMessage,
  type MessageHandler,
  type MessageHeaders,
  type RequestHandler,
} from './messaging.port.js';
import { UnreadableMessage } from './read-message.js';
import type { Refusals } from './refusals.js';
import { replyOf, replyOfFailure } from './reply.codec.js';
import { SparseLog } from './sparse-log.js';
import { askersOn } from '../subjects/subject-table.policy.js';
import type { Frame, Wire } from '../wire/wire.port.js';

export interface InboundOptions {
  readonly name: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly deadLetters: DeadLetters;
  readonly clock: Clock;
  readonly subjects: Subjects;
  readonly refusals: Refusals;
}

type Outcome<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'expired' };

/** From a frame to a handler and back: parsing, trace context, answers, dead letters. Never throws. */
export class Inbound {
  readonly #wire: Wire;
  readonly #options: InboundOptions;
  readonly #unreadable: Counter<'drover_messages_unreadable_total'>;
  readonly #failures: Counter<'drover_message_handler_failures_total'>;
  readonly #hostLog: SparseLog;

  constructor(wire: Wire, options: InboundOptions) {
    this.#wire = wire;
    this.#options = options;
    this.#unreadable = options.metrics.counter('drover_messages_unreadable_total');
    this.#failures = options.metrics.counter('drover_message_handler_failures_total');
    this.#hostLog = new SparseLog(options.logger, options.clock);
  }

  /** @param receivedAtMs when the frame came, by the monotonic clock: it may have waited for its turn. */
  async message(pattern: string, frame: Frame, receivedAtMs: number, handler: MessageHandler): Promise<void> {
    await this.#run(pattern, frame, receivedAtMs, 'consumer', handler);
  }

  async request(pattern: string, frame: Frame, receivedAtMs: number, handler: RequestHandler): Promise<void> {
    const outcome = await this.#run(pattern, frame, receivedAtMs, 'server', handler);
    if (outcome.kind === 'done') this.#reply(frame, replyOf(outcome.result));
    else if (outcome.kind === 'failed') this.#reply(frame, replyOfFailure(outcome.error));
  }

  /** What became of a message. Of a failure the log has been told, in the trace of the message. */
  async #run<Result>(
    pattern: string,
    frame: Frame,
    receivedAtMs: number,
    kind: 'server' | 'consumer',
    handler: (message: IncomingMessage) => Promise<Result> | Result,
  ): Promise<Outcome<Result>> {
    let headers: MessageHeaders;
    try {
      headers = headersOf(frame, this.#options.clock);
    } catch (cause) {
      const unreadable = new UnreadableMessage('not readable: its headers are malformed', { cause });
      return this.#failed(pattern, frame, undefined, unreadable);
    }
    const { id: messageId, operationId, traceparent, ttlMs } = headers;
    if (ttlMs !== undefined && this.#options.clock.monotonicMs() - receivedAtMs > ttlMs) {
      this.#options.refusals.add('expired', pattern, frame.subject);
      return { kind: 'expired' };
    }
    const fields = operationId === undefined ? { messageId } : { messageId, operationId };
    return inSpan(pattern, { kind, traceparent, fields }, async () => {
      try {
        return { kind: 'done', result: await handler({ subject: frame.subject, headers, payload: parseJson(frame) }) };
      } catch (error) {
        return this.#failed(pattern, frame, messageId, error);
      }
    });
  }

  async #failed(
    pattern: string,
    frame: Frame,
    messageId: string | undefined,
    thrown: unknown,
  ): Promise<Outcome<never>> {
    const error = await this.#afterKeeping(pattern, frame, thrown);
    this.#reportFailure(pattern, frame, messageId, error);
    return { kind: 'failed', error };
  }

  /** Keeps the message when it was unreadable. Returns what the sender is to be told. */
  async #afterKeeping(pattern: string, frame: Frame, error: unknown): Promise<unknown> {
    if (!(error instanceof UnreadableMessage)) return error;
    this.#unreadable.add(1, { pattern });
    try {
      await this.#options.deadLetters.keep({
        source: this.#options.name,
        subject: frame.subject,
        payload: frame.payload.slice(0, DEAD_LETTER_MAX_BYTES),
        reason: error.message,
        receivedAt: new Date(this.#options.clock.epochMs()).toISOString(),
      });
      return error;
    } catch (cause) {
      const detail = `the dead letter from ${frame.subject} could not be kept`;
      return errors.STORE_UNAVAILABLE('not-applied', detail, { cause });
    }
  }

  #reportFailure(pattern: string, frame: Frame, messageId: string | undefined, error: unknown): void {
    const { subject } = frame;
    const fields = { subject, messageId, error };
    if (error instanceof UnreadableMessage) this.#tell('warn', 'kept an unreadable message', fields);
    else {
      this.#failures.add(1, { pattern });
      // The world failed, and not this code: what and why is enough, because its sender will send it again and again.
      if (isFailure(error))
        this.#tell('warn', 'a message met a fault', { subject, messageId, reason: reasonOf(error) });
      else this.#tell('error', 'a message met a defect', fields);
    }
  }

  /** Each of a service's messages has its line. A host decides how many it sends, so the log is told of some of its. */
  #tell(
    level: 'warn' | 'error',
    message: string,
    fields: { readonly subject: string; readonly [field: string]: unknown },
  ) {
    const { subject } = fields;
    if (askersOn(this.#options.subjects, subject).kind === 'host') this.#hostLog.tell(level, message, subject, fields);
    else this.#options.logger[level](message, fields);
  }

  #reply(frame: Frame, reply: unknown): void {
    if (frame.replyTo === undefined || !this.#wire.isConnected) return;
    try {
      this.#send(frame, frame.replyTo, reply);
    } catch (error) {
      // The connection ended meanwhile, or a handler gave what is no JSON: the asker hears nothing and asks again.
      this.#options.logger.error('an answer could not be sent', { subject: frame.subject, error });
    }
  }

  #send(frame: Frame, replyTo: string, reply: unknown): void {
    let payload = Buffer.from(JSON.stringify(reply));
    if (payload.byteLength > this.#wire.maxPayloadBytes) {
      const error = new RangeError(`answer of ${payload.byteLength} bytes; at most ${this.#wire.maxPayloadBytes} fit`);
      this.#options.logger.error('an answer is too large to send', { subject: frame.subject, error });
      payload = Buffer.from(JSON.stringify(replyOfFailure(error)));
    }
    this.#wire.send(replyTo, payload, {});
  }
}

function parseJson(frame: Frame): unknown {
  const { payload } = frame;
  try {
    return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8'));
  } catch (cause) {
    throw new UnreadableMessage('not readable: payload: is not JSON', { cause });
  }
}

function headersOf(frame: Frame, clock: Clock): MessageHeaders {
  const headers = frame.readHeaders();
  const operationId = headers.get(messageHeaders.operationId);
  const causationId = headers.get(messageHeaders.causationId);
  const traceparent = headers.get(messageHeaders.traceparent);
  const ttlMs = Number(headers.get(messageHeaders.ttlMs) ?? Number.NaN);
  return {
    // Tools such as `nats req` send no id; a new one says that this message is no repeat.
    id: headers.get(messageHeaders.id) ?? newId(clock.epochMs()),
    ...(operationId === undefined ? {} : { operationId }),
    ...(causationId === undefined ? {} : { causationId }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(Number.isFinite(ttlMs) ? { ttlMs } : {}),
  };
}
