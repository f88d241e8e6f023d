import { createInbox, headers as newHeaders, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { z } from 'zod';

/** The stream did not take a message as it was sent; what it holds now must be read again. */
export class PipelineBroken extends Error {
  override readonly name = 'PipelineBroken';
}

export interface PipelineOptions {
  readonly inboxPrefix: string;
  /** Sequence of the last message in the stream. */
  readonly lastSequence: number;
  /** Messages sent and not yet acknowledged. */
  readonly maxInFlight: number;
  readonly ackWithinMs: number;
  /** Everything up to this sequence is stored. */
  readonly onAcknowledged: (sequence: number) => void;
}

export interface Publication {
  readonly subject: string;
  readonly payload: string;
  readonly headers: Readonly<Record<string, string>>;
}

const acknowledgementSchema = z.object({
  seq: z.int().optional(),
  error: z.object({ err_code: z.int().optional(), description: z.string().optional() }).optional(),
});

/**
 * Publishes to a JetStream stream, many messages in flight, each expecting its predecessor to be the last of the stream.
 *
 * So when one is not stored, none after it is: order holds and nothing is skipped, whatever is lost on the way, and the
 * acknowledgement of one is that of all before it. Only the last of those handed over together asks for one, and the first of
 * the pipeline, whose refusal tells why. The first failure breaks the pipeline for good. One subscription and one timer serve all
 * messages, which costs a tenth of a request for each.
 */
export class PublishPipeline {
  /** Rejects with `PipelineBroken`; never resolves. */
  readonly broken: Promise<never>;
  readonly #connection: NatsConnection;
  readonly #options: PipelineOptions;
  readonly #inbox: string;
  readonly #acknowledgements: Subscription;
  readonly #watchdog: NodeJS.Timeout;
  readonly #break: (reason: unknown) => void;
  #failure: PipelineBroken | undefined;
  #sent: number;
  #acknowledged: number;
  #lastProgressMs = performance.now();
  #room: (() => void) | undefined;

  constructor(connection: NatsConnection, options: PipelineOptions) {
    const { promise, reject } = Promise.withResolvers<never>();
    // It may break while no caller waits for it: then the next `publish` throws.
    promise.catch(() => undefined);
    this.broken = promise;
    this.#break = reject;
    this.#connection = connection;
    this.#options = options;
    this.#sent = options.lastSequence;
    this.#acknowledged = options.lastSequence;
    this.#inbox = createInbox(options.inboxPrefix);
    this.#acknowledgements = connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        try {
          if (error !== null) this.fail('the inbox was refused', error);
          else if (message.headers?.code === 503) this.fail('no stream takes the messages');
          else this.#acknowledge(message.subject, message.string());
        } catch (cause) {
          this.fail('an acknowledgement is not readable', cause);
        }
      },
    });
    this.#watchdog = setInterval(() => this.#watch(), options.ackWithinMs / 4);
  }

  get inFlight(): number {
    return this.#sent - this.#acknowledged;
  }

  /**
   * Sends in one go what there is room for; resolves when all were sent and there is room for another. Throws once the pipeline is
   * broken.
   */
  async publish(messages: readonly Publication[]): Promise<void> {
    for (const [index, message] of messages.entries()) {
      if (this.#failure !== undefined) throw this.#failure;
      const isFull = this.inFlight + 1 >= this.#options.maxInFlight;
      this.#send(message, isFull || index === messages.length - 1);
      while (this.inFlight >= this.#options.maxInFlight && this.#failure === undefined) {
        await new Promise<void>((resolve) => (this.#room = resolve));
      }
    }
  }

  #send({ subject, payload, headers: fields }: Publication, asksForAcknowledgement: boolean): void {
    const headers = newHeaders();
    for (const [name, value] of Object.entries(fields)) headers.set(name, value);
    headers.set('Nats-Expected-Last-Sequence', String(this.#sent));
    if (this.inFlight === 0) this.#lastProgressMs = performance.now();
    const isFirst = this.#sent === this.#options.lastSequence;
    const reply = isFirst || asksForAcknowledgement ? { reply: `${this.#inbox}.${this.#sent + 1}` } : {};
    this.#connection.publish(subject, payload, { headers, ...reply });
    this.#sent += 1;
  }

  fail(reason: string, cause?: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = new PipelineBroken(reason, { cause });
    this.#break(this.#failure);
    this.#room?.();
  }

  close(): void {
    this.fail('closed');
    clearInterval(this.#watchdog);
    if (!this.#connection.isClosed()) this.#acknowledgements.unsubscribe();
  }

  #acknowledge(subject: string, text: string): void {
    if (this.#failure !== undefined) return;
    const expected = Number(subject.slice(subject.lastIndexOf('.') + 1));
    const parsed = acknowledgementSchema.safeParse(parseJson(text));
    if (!parsed.success) return this.fail('an acknowledgement cannot be read', parsed.error);
    const { seq, error } = parsed.data;
    if (error !== undefined) return this.fail(`refused: ${error.description ?? 'no reason given'}`);
    if (seq !== expected || expected <= this.#acknowledged || expected > this.#sent) {
      return this.fail(`message ${expected} was stored as ${seq ?? 'nothing'}`);
    }
    this.#acknowledged = expected;
    this.#lastProgressMs = performance.now();
    this.#options.onAcknowledged(expected);
    this.#room?.();
  }

  #watch(): void {
    const isLate = this.inFlight > 0 && performance.now() - this.#lastProgressMs > this.#options.ackWithinMs;
    if (isLate) this.fail(`no acknowledgement within ${this.#options.ackWithinMs} ms`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON is no acknowledgement either: the schema refuses it.
    return undefined;
  }
}
