import { Fault, messageHeaders } from '@drover/contracts';
import { newId, type Clock } from '@drover/domain-kit';
import { inSpan, reasonOf, type Counter, type Logger, type Metrics } from '@drover/observability';
import {
  DEAD_LETTER_MAX_BYTES,
  type Answer,
  type DeadLetters,
  type IncomingMessage,
  type MessageHandler,
  type MessageHeaders,
  type RequestHandler,
} from './messaging.port.js';
import { UnreadableMessage } from './read-message.js';
import { replyOf, replyOfFailure } from './reply.codec.js';
import type { Frame, Wire } from './wire.port.js';

export interface InboundOptions {
  readonly name: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly deadLetters: DeadLetters;
  readonly clock: Clock;
}

/** From a frame to a handler and back: parsing, trace context, answers, dead letters. Never throws. */
export class Inbound {
  readonly #wire: Wire;
  readonly #options: InboundOptions;
  readonly #unreadable: Counter;
  readonly #failed: Counter;

  constructor(wire: Wire, options: InboundOptions) {
    this.#wire = wire;
    this.#options = options;
    this.#unreadable = options.metrics.counter('drover_messages_unreadable_total', 'Messages kept as dead letters');
    this.#failed = options.metrics.counter('drover_message_handler_failures_total', 'Messages whose handler threw');
  }

  async message(pattern: string, frame: Frame, handler: MessageHandler): Promise<void> {
    // Nobody waits for an answer, and the log has been told.
    await this.#run(pattern, frame, 'consumer', handler).catch(() => undefined);
  }

  async request(pattern: string, frame: Frame, handler: RequestHandler): Promise<void> {
    let answer: Answer;
    try {
      answer = await this.#run(pattern, frame, 'server', handler);
    } catch (error) {
      this.#reply(frame, replyOfFailure(error));
      return;
    }
    this.#reply(frame, replyOf(answer));
  }

  /** What the handler gives; throws what the sender is to be told, once the log has been told in the trace of the message. */
  #run<Result>(
    pattern: string,
    frame: Frame,
    kind: 'server' | 'consumer',
    handler: (message: IncomingMessage) => Promise<Result> | Result,
  ): Promise<Result> {
    const headers = headersOf(frame, this.#options.clock);
    const { id: messageId, operationId, traceparent } = headers;
    const fields = operationId === undefined ? { messageId } : { messageId, operationId };
    return inSpan(pattern, { kind, traceparent, fields }, async () => {
      try {
        return await handler({ subject: frame.subject, headers, payload: parseJson(frame) });
      } catch (thrown) {
        const error = await this.#afterKeeping(pattern, frame, thrown);
        this.#reportFailure(pattern, frame, error);
        throw error;
      }
    });
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
      return new Fault('STORE_UNAVAILABLE', 'not-applied', detail, { cause });
    }
  }

  #reportFailure(pattern: string, frame: Frame, error: unknown): void {
    const ids = { subject: frame.subject, messageId: frame.header(messageHeaders.id) };
    const fields = { ...ids, error };
    if (error instanceof UnreadableMessage) this.#options.logger.warn('kept an unreadable message', fields);
    else {
      this.#failed.add(1, { pattern });
      // The world failed, and not this code: what and why is enough, because its sender will send it again and again.
      if (error instanceof Fault)
        this.#options.logger.warn('a message met a fault', { ...ids, reason: reasonOf(error) });
      else this.#options.logger.error('a message met a defect', fields);
    }
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
  const operationId = frame.header(messageHeaders.operationId);
  const causationId = frame.header(messageHeaders.causationId);
  const traceparent = frame.header(messageHeaders.traceparent);
  const ttlMs = Number(frame.header(messageHeaders.ttlMs) ?? Number.NaN);
  return {
    // Tools such as `nats req` send no id; a new one says that this message is no repeat.
    id: frame.header(messageHeaders.id) ?? newId(clock.epochMs()),
    ...(operationId === undefined ? {} : { operationId }),
    ...(causationId === undefined ? {} : { causationId }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(Number.isFinite(ttlMs) ? { ttlMs } : {}),
  };
}
