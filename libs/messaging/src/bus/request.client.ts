import { errors, errorCatalogue, Fault, messageHeaders } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { backoffMs, type Backoff, type Repeats } from './backoff.policy.js';
import type { Answer, RequestOptions } from './messaging.port.js';
import { answerIn } from './reply.codec.js';
import { MAX_HEADER_BYTES, type Frame, type Wire } from '../wire/wire.port.js';

type Headers = Readonly<Record<string, string>>;

/**
 * Requests of one connection. All sends of a request share one answer subject, so an answer to any of them settles it, and
 * the responder can tell a repeat by it.
 */
export class RequestClient {
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #repeats: Repeats;
  readonly #pending = new Map<string, PendingRequest>();
  #nextToken = 0;
  #isListening = false;

  constructor(wire: Wire, clock: Clock, repeats: Repeats) {
    this.#wire = wire;
    this.#clock = clock;
    this.#repeats = repeats;
    wire.watch({
      connected: () => this.#each((request) => request.connected()),
      disconnected: () => this.#each((request) => request.disconnected()),
      refused: (subject) => this.#each((request) => request.refused(subject)),
    });
  }

  send(subject: string, payload: Uint8Array, headers: Headers, options: RequestOptions): Promise<Answer> {
    if (!this.#isListening) {
      this.#isListening = true;
      this.#wire.listen(`${this.#wire.inbox}.*`, undefined, (frame) => {
        this.#pending.get(frame.subject.slice(frame.subject.lastIndexOf('.') + 1))?.answered(frame);
      });
    }
    const token = (this.#nextToken++).toString(36);
    const request = new PendingRequest(this.#wire, this.#clock, this.#repeats, {
      subject,
      payload,
      headers,
      options,
      replyTo: `${this.#wire.inbox}.${token}`,
    });
    this.#pending.set(token, request);
    return request.run().finally(() => this.#pending.delete(token));
  }

  close(): void {
    this.#each((request) => request.closed());
  }

  #each(action: (request: PendingRequest) => void): void {
    for (const request of [...this.#pending.values()]) action(request);
  }
}

interface Envelope {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers: Headers;
  readonly options: RequestOptions;
  readonly replyTo: string;
}

class PendingRequest {
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #repeats: Repeats;
  readonly #envelope: Envelope;
  readonly #deadlineMs: number;
  readonly #isRepeated: boolean;
  readonly #result = Promise.withResolvers<Answer>();
  #attempts = 0;
  /** When the copy was sent that the next refusal answers. */
  #askedAtMs: number | undefined;
  /** Sends of which no answer has said that they changed nothing. */
  #unsettled = 0;
  #lastFault: Fault | undefined;
  #repeat: NodeJS.Timeout | undefined;

  constructor(wire: Wire, clock: Clock, repeats: Repeats, envelope: Envelope) {
    this.#wire = wire;
    this.#clock = clock;
    this.#repeats = repeats;
    this.#envelope = envelope;
    this.#isRepeated = envelope.options.retry === 'until-ttl';
    this.#deadlineMs = clock.monotonicMs() + envelope.options.ttlMs;
  }

  async run(): Promise<Answer> {
    const { ttlMs, signal } = this.#envelope.options;
    const giveUp = () => this.#expire();
    const expiry = setTimeout(giveUp, ttlMs);
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      if (signal?.aborted === true) giveUp();
      else this.#attempt();
      return await this.#result.promise;
    } finally {
      clearTimeout(expiry);
      clearTimeout(this.#repeat);
      signal?.removeEventListener('abort', giveUp);
    }
  }

  answered(frame: Frame): void {
    const { subject } = this.#envelope;
    if (isNoResponders(frame)) {
      this.#refusedBy(errors.SERVICE_UNAVAILABLE('not-applied', `no service answers on ${subject}`));
      return;
    }
    try {
      this.#result.resolve(answerIn(subject, parseJson(subject, frame.payload)));
    } catch (error) {
      // A defect is not retried: the same message would meet it again.
      const isRepeatable =
        error instanceof Fault && error.outcome === 'not-applied' && errorCatalogue[error.code].kind === 'fault';
      if (isRepeatable) this.#refusedBy(error);
      else this.#result.reject(error);
    }
  }

  connected(): void {
    if (!this.#isRepeated) return;
    clearTimeout(this.#repeat);
    // Scattered, because everybody who waited is connected again at this moment.
    this.#repeat = setTimeout(() => this.#attempt(), backoffMs(this.#repeats.afterRefusal, 0, Math.random()));
  }

  disconnected(): void {
    clearTimeout(this.#repeat);
    if (!this.#isRepeated) this.#result.reject(this.#unavailable('unknown'));
  }

  refused(subject: string): void {
    if (subject !== this.#envelope.subject) return;
    this.#result.reject(errors.INTERNAL('not-applied', `the credentials do not allow sending to ${subject}`));
  }

  closed(): void {
    this.#result.reject(this.#unavailable(this.#unsettled > 0 ? 'unknown' : 'not-applied'));
  }

  #attempt(): void {
    const { subject, payload, headers, replyTo } = this.#envelope;
    if (!this.#wire.isConnected) {
      this.#lastFault = this.#unavailable('not-applied');
      if (!this.#isRepeated) this.#result.reject(this.#lastFault);
      return;
    }
    const remainingMs = Math.max(1, Math.round(this.#deadlineMs - this.#clock.monotonicMs()));
    try {
      this.#wire.send(subject, payload, { ...headers, [messageHeaders.ttlMs]: String(remainingMs) }, replyTo);
    } catch (error) {
      this.#result.reject(error);
      return;
    }
    this.#unsettled += 1;
    this.#askedAtMs ??= this.#clock.monotonicMs();
    if (this.#isRepeated) this.#repeatAfter(this.#repeats.afterSilence);
  }

  #refusedBy(fault: Fault): void {
    this.#unsettled -= 1;
    this.#lastFault = fault;
    const nowMs = this.#clock.monotonicMs();
    const tookMs = nowMs - (this.#askedAtMs ?? nowMs);
    this.#askedAtMs = undefined;
    if (!this.#isRepeated) this.#result.reject(fault);
    else if (nowMs + tookMs < this.#deadlineMs) this.#repeatAfter(this.#repeats.afterRefusal);
    // Another answer that takes as long would come too late, and this one says what hinders it.
    else this.#result.reject(this.#unsettled > 0 ? withUnknownOutcome(fault) : fault);
  }

  #repeatAfter(backoff: Backoff): void {
    clearTimeout(this.#repeat);
    const waitMs = backoffMs(backoff, this.#attempts, Math.random());
    this.#attempts += 1;
    this.#repeat = setTimeout(() => this.#attempt(), waitMs);
  }

  #expire(): void {
    const { subject, options } = this.#envelope;
    const outcome = this.#unsettled > 0 ? 'unknown' : 'not-applied';
    if (outcome === 'not-applied' && this.#lastFault !== undefined) this.#result.reject(this.#lastFault);
    // An answer has no way back; that it was sent while the connection was breaking is no reason to blame the other side.
    else if (!this.#wire.isConnected) this.#result.reject(this.#unavailable(outcome));
    else this.#result.reject(errors.TIMED_OUT(outcome, `no answer from ${subject} within ${options.ttlMs} ms`));
  }

  #unavailable(outcome: 'not-applied' | 'unknown'): Fault {
    return errors.MESSAGING_UNAVAILABLE(outcome, `no connection to ask ${this.#envelope.subject}`);
  }
}

/** An answer is read without its headers; the server's own has no payload. */
function isNoResponders(frame: Frame): boolean {
  if (frame.payload.length > 0 || frame.headerBytes > MAX_HEADER_BYTES) return false;
  try {
    return frame.readHeaders().isNoResponders;
  } catch {
    // Not the server's, so it is an answer without a value, which is no reply.
    return false;
  }
}

/** Other copies of the request may still be on their way. */
function withUnknownOutcome(fault: Fault): Fault {
  return new Fault(fault.code, 'unknown', fault.detail, { cause: fault });
}

function parseJson(subject: string, payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8'));
  } catch (cause) {
    throw errors.UNREADABLE_MESSAGE('unknown', `the answer from ${subject} is not JSON`, { cause });
  }
}
