import { errors, messageHeaders, subjectsUnder, type Subjects } from '@drover/contracts';
import { newId, systemClock, type Clock } from '@drover/domain-kit';
import {
  createMetrics,
  currentTraceparent,
  inSpan,
  type Counter,
  type Logger,
  type Metrics,
} from '@drover/observability';
import { defaultRepeats, type Repeats } from './backoff.policy.js';
import { Inbound } from './inbound.handler.js';
import { Intake, type Taking } from './intake.js';
import type {
  Answer,
  ConnectionState,
  DeadLetters,
  MessageHandler,
  MessageOptions,
  Messaging,
  MessagingSubscription,
  RequestHandler,
  RequestOptions,
  SubscribeOptions,
} from './messaging.port.js';
import { Refusals } from './refusals.js';
import { RequestClient } from './request.client.js';
import type { Wire } from '../wire/wire.port.js';

export interface WireMessagingOptions {
  /** Of the service, e.g. `vm-manager`, or `host-<id>`: the inbox of its answers follows from it. */
  readonly name: string;
  /** `drover` by default. */
  readonly subjectPrefix?: string;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  readonly deadLetters: DeadLetters;
  readonly clock?: Clock;
  readonly repeats?: Repeats;
}

/** `Messaging` over any `Wire`. */
export class WireMessaging implements Messaging {
  readonly subjects: Subjects;
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #requests: RequestClient;
  readonly #intake: Intake;
  readonly #inbound: Inbound;
  readonly #dropped: Counter<'drover_messages_dropped_total'>;
  readonly #subscriptions = new Set<MessagingSubscription>();

  constructor(wire: Wire, options: WireMessagingOptions) {
    this.subjects = subjectsUnder(options.subjectPrefix ?? 'drover');
    this.#wire = wire;
    this.#clock = options.clock ?? systemClock;
    const metrics = options.metrics ?? createMetrics();
    const { name, logger, deadLetters } = options;
    this.#requests = new RequestClient(wire, this.#clock, options.repeats ?? defaultRepeats);
    const refusals = new Refusals(logger, metrics, this.#clock);
    this.#intake = new Intake({ subjects: this.subjects, clock: this.#clock, logger, refusals });
    this.#inbound = new Inbound(wire, {
      name,
      subjects: this.subjects,
      logger,
      metrics,
      deadLetters,
      clock: this.#clock,
      refusals,
    });
    this.#dropped = metrics.counter('drover_messages_dropped_total');
  }

  get maxPayloadBytes(): number {
    return this.#wire.maxPayloadBytes;
  }

  get state(): ConnectionState {
    if (this.#wire.isClosed) return 'closed';
    return this.#wire.isConnected ? 'connected' : 'disconnected';
  }

  async request<Value = unknown>(
    subject: string,
    payload: unknown,
    options: RequestOptions<Value>,
  ): Promise<Answer<Value>> {
    const bytes = this.#encode(subject, payload);
    return inSpan(subject, { kind: 'client' }, async () => {
      const answer = await this.#requests.send(subject, bytes, this.#headers(options), options);
      return readAnswer(subject, answer, options);
    });
  }

  publish(subject: string, payload: unknown, options: MessageOptions = {}): void {
    const bytes = this.#encode(subject, payload);
    if (this.#wire.isConnected) this.#wire.send(subject, bytes, this.#headers(options));
    else this.#dropped.add(1);
  }

  subscribe(subject: string, handler: MessageHandler, options: SubscribeOptions = {}): MessagingSubscription {
    return this.#listen(
      subject,
      options,
      this.#intake.open(subject, false, (frame, atMs) => this.#inbound.message(subject, frame, atMs, handler)),
    );
  }

  respond(subject: string, handler: RequestHandler, options: SubscribeOptions = {}): MessagingSubscription {
    return this.#listen(
      subject,
      options,
      this.#intake.open(subject, true, (frame, atMs) => this.#inbound.request(subject, frame, atMs, handler)),
    );
  }

  onReconnect(listener: () => void): () => void {
    return this.#wire.watch({ connected: listener });
  }

  flush(): Promise<void> {
    return this.#wire.flush();
  }

  async drain(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.stop()));
    if (this.#wire.isConnected) await this.#wire.flush();
    await this.close();
  }

  async close(): Promise<void> {
    this.#requests.close();
    await this.#wire.close();
  }

  #listen(subject: string, options: SubscribeOptions, taking: Taking): MessagingSubscription {
    const listening = this.#wire.listen(subject, options.queue, taking.take);
    let stopped: Promise<void> | undefined;
    const subscription: MessagingSubscription = {
      stop: () => (stopped ??= stop()),
    };
    const stop = async () => {
      await listening.stop();
      await taking.idle();
      this.#subscriptions.delete(subscription);
    };
    this.#subscriptions.add(subscription);
    return subscription;
  }

  #encode(subject: string, payload: unknown): Uint8Array {
    const bytes = Buffer.from(JSON.stringify(payload ?? null));
    if (bytes.byteLength > this.maxPayloadBytes) {
      throw new RangeError(`message for ${subject} is ${bytes.byteLength} bytes; at most ${this.maxPayloadBytes} fit`);
    }
    return bytes;
  }

  #headers(options: MessageOptions): Record<string, string> {
    const traceparent = currentTraceparent();
    const { operationId, causationId } = options;
    return {
      [messageHeaders.id]: options.id ?? newId(this.#clock.epochMs()),
      ...(operationId === undefined ? {} : { [messageHeaders.operationId]: operationId }),
      ...(causationId === undefined ? {} : { [messageHeaders.causationId]: causationId }),
      ...(traceparent === undefined ? {} : { [messageHeaders.traceparent]: traceparent }),
    };
  }
}

function readAnswer<Value>(subject: string, answer: Answer, options: RequestOptions<Value>): Answer<Value> {
  if (answer.kind === 'rejected') return answer;
  if (options.schema === undefined) return { kind: 'answered', value: answer.value as Value };
  const parsed = options.schema.safeParse(answer.value);
  if (parsed.success) return { kind: 'answered', value: parsed.data };
  throw errors.UNREADABLE_MESSAGE('unknown', `the answer from ${subject} is not as expected`, {
    cause: parsed.error,
  });
}
