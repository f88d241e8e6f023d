import { Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { firstValueFrom, isObservable } from 'rxjs';
import type { ZodType } from 'zod';
import type { Answer, IncomingMessage, Messaging, MessagingSubscription } from '../bus/messaging.port.js';
import { parsePayload } from '../bus/read-message.js';

export interface DroverTransportOptions {
  readonly messaging: Messaging;
  /** Name of the service: its replicas share each message of a pattern. */
  readonly queue: string;
}

/** What a handler says about itself, in the `extras` of its pattern: see `OnRequest` and `OnMessage`. */
export interface HandlerExtras {
  readonly schema?: ZodType;
  /** Subscribed only between `activate` and `deactivate` of this group. */
  readonly group?: string;
  /** Every replica gets every message, instead of one of them. */
  readonly isForAll?: boolean;
}

interface Route {
  readonly subject: string;
  readonly group: string | undefined;
  start(): MessagingSubscription;
}

const ALWAYS = Symbol('always');

/**
 * Brings messages to the handlers of a Nest application: plain JSON, patterns are subjects without the prefix, `*` stands
 * for one name in them. Nest's own NATS transport has a framing of its own and answers errors in its own way.
 *
 * Handlers of a group hear nothing until `activate(group)`: only the holder of a lease that has read to the tail takes
 * commands.
 */
export class DroverTransportStrategy extends Server implements CustomTransportStrategy {
  override readonly transportId = Symbol('drover');
  override readonly propagatesEventHandlerErrors = true;
  readonly #messaging: Messaging;
  readonly #queue: string;
  readonly #routes: Route[] = [];
  readonly #active = new Map<string | symbol, readonly MessagingSubscription[]>();

  constructor(options: DroverTransportOptions) {
    super();
    this.#messaging = options.messaging;
    this.#queue = options.queue;
  }

  /** Called by Nest, once every handler is known. */
  listen(callback: (error?: unknown) => void): void {
    for (const [pattern, handler] of this.messageHandlers) {
      const extras = (handler.extras ?? {}) as HandlerExtras;
      const subject = `${this.#messaging.subjects.prefix}.${pattern}`;
      const options = extras.isForAll === true ? {} : { queue: this.#queue };
      const call = (message: IncomingMessage): Promise<unknown> => {
        const payload = extras.schema === undefined ? message.payload : parsePayload(extras.schema, message);
        return settle(handler(payload, message));
      };
      this.#routes.push({
        subject,
        group: extras.group,
        start: () =>
          handler.isEventHandler === true
            ? this.#messaging.subscribe(subject, async (message) => void (await call(message)), options)
            : this.#messaging.respond(subject, async (message) => asAnswer(pattern, await call(message)), options),
      });
    }
    this.#start(ALWAYS, undefined);
    callback();
  }

  /**
   * Subscribes the handlers of a group; resolves when the server knows. Idempotent. Unknown groups are defects: a handler
   * that is never activated would be silent for ever.
   */
  async activate(group: string): Promise<void> {
    if (!this.#routes.some((route) => route.group === group)) throw new Error(`no handler is of the group ${group}`);
    this.#start(group, group);
    if (this.#messaging.state === 'connected') await this.#messaging.flush();
  }

  /** Takes no more messages for a group; resolves when those under way are answered. Idempotent. */
  async deactivate(group: string): Promise<void> {
    await this.#stop(group);
  }

  /** Called by Nest when the application closes. The connection stays: the code that opened it drains it. */
  async close(): Promise<void> {
    await Promise.all([...this.#active.keys()].map((key) => this.#stop(key)));
  }

  on(): never {
    throw new Error('watch the connection with Messaging.onReconnect');
  }

  unwrap<T>(): T {
    return this.#messaging as T;
  }

  #start(key: string | symbol, group: string | undefined): void {
    if (this.#active.has(key)) return;
    const routes = this.#routes.filter((route) => route.group === group);
    this.#active.set(
      key,
      routes.map((route) => route.start()),
    );
  }

  async #stop(key: string | symbol): Promise<void> {
    const subscriptions = this.#active.get(key) ?? [];
    this.#active.delete(key);
    await Promise.all(subscriptions.map((subscription) => subscription.stop()));
  }
}

/** Nest hands out a promise, a value, or an observable where interceptors or filters took part. */
async function settle(result: unknown): Promise<unknown> {
  const value = await result;
  return isObservable(value) ? firstValueFrom(value, { defaultValue: undefined }) : value;
}

function asAnswer(pattern: string, value: unknown): Answer {
  const kind = (value as Partial<Answer> | null | undefined)?.kind;
  if (kind === 'answered' || kind === 'rejected') return value as Answer;
  throw new TypeError(`the handler of ${pattern} must return answered(…) or rejected(…)`);
}
