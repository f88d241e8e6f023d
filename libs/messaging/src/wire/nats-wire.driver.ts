import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AuthorizationError,
  connect,
  createInbox,
  headers as newHeaders,
  PermissionViolationError,
  type Authenticator,
  type Msg,
  type NatsConnection,
  type NodeConnectionOptions,
} from '@nats-io/transport-node';
import { outageOf, type Logger } from '@drover/observability';
import { nkeyOf, parseCredentials } from './nkey.codec.js';
import { inboxOfName } from '../subjects/reply-inbox.policy.js';
import type { Frame, Wire, WireSubscription, WireWatcher } from './wire.port.js';

export interface NatsOptions {
  readonly servers: string | readonly string[];
  /** Credentials of operator mode (JWT and seed); read again at each reconnect, so that they can be replaced. */
  readonly credentialsFile?: string;
  /** Of the service, or `host-<id>`; the server's own monitoring shows it, and the inbox follows from it. */
  readonly name: string;
  /** Ends the wait for the first connection. */
  readonly signal?: AbortSignal;
}

/**
 * Connects, and waits for the server as long as it takes: services may start before it, and a server that thousands sign in
 * to at once may give up on some of them. Refused credentials are an error, because waiting does not mend them.
 */
export async function connectNats(options: NatsOptions, logger: Logger): Promise<NatsConnection> {
  const { credentialsFile, signal } = options;
  const settings: NodeConnectionOptions = {
    servers: [options.servers].flat(),
    name: options.name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    // A server that lost its files may refuse us until its accounts are back.
    ignoreAuthErrorAbort: true,
    // A dead peer is noticed within 15 s, also where the network says nothing.
    pingInterval: 5_000,
    maxPingOut: 2,
    noAsyncTraces: true,
    inboxPrefix: inboxOfName(options.name),
    ...(credentialsFile === undefined ? {} : { authenticator: signingIn(followFile(credentialsFile, logger)) }),
  };
  const outage = outageOf(logger, 'NATS', { fields: { servers: options.servers } });
  for (;;) {
    signal?.throwIfAborted();
    try {
      const connection = await connect(settings);
      outage.ended();
      return connection;
    } catch (error) {
      if (error instanceof AuthorizationError && !isTooLate(error)) {
        const file = credentialsFile === undefined ? 'there are none' : `they are in ${credentialsFile}`;
        throw new Error(`NATS refuses the credentials of ${options.name} (${file})`, { cause: error });
      }
      outage.failed(error);
      await sleep(250, undefined, signal === undefined ? {} : { signal });
    }
  }
}

/** nats-server has one kind of error for credentials that it refuses and for those that came too late, and tells them apart in words alone. */
function isTooLate({ message: said }: AuthorizationError): boolean {
  return /authentication timeout/i.test(said);
}

function signingIn(credentials: () => string): Authenticator {
  return (nonce) => {
    const { jwt, seed } = parseCredentials(credentials());
    const { publicKey, sign } = nkeyOf(seed);
    const signature = nonce === undefined ? '' : Buffer.from(sign(Buffer.from(nonce))).toString('base64url');
    return { jwt, nkey: publicKey, sig: signature };
  };
}

/**
 * The contents of a file that may be replaced. It must be readable at first; when it is not later, what was read last is
 * used, because the client gives up for ever when it gets nothing.
 */
function followFile(file: string, logger: Logger): () => string {
  let contents: string;
  try {
    contents = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`the credentials in ${file} cannot be read; check that the file exists and who may read it`, {
      cause,
    });
  }
  return () => {
    try {
      contents = readFileSync(file, 'utf8');
    } catch (error) {
      logger.warn('the credentials cannot be read again', { file, error });
    }
    return contents;
  };
}

export class NatsWire implements Wire {
  readonly inbox: string;
  readonly #connection: NatsConnection;
  readonly #logger: Logger;
  readonly #watchers = new Set<WireWatcher>();
  #isConnected = true;

  constructor(connection: NatsConnection, name: string, logger: Logger) {
    this.#connection = connection;
    this.#logger = logger;
    this.inbox = createInbox(inboxOfName(name));
    void this.#followStatus();
  }

  get isConnected(): boolean {
    return this.#isConnected && !this.#connection.isClosed();
  }

  get isClosed(): boolean {
    return this.#connection.isClosed();
  }

  get maxPayloadBytes(): number {
    return this.#connection.info?.max_payload ?? 1024 * 1024;
  }

  send(subject: string, payload: Uint8Array, headers: Readonly<Record<string, string>>, replyTo?: string): void {
    const names = Object.keys(headers);
    if (names.length === 0 && replyTo === undefined) {
      this.#connection.publish(subject, payload);
      return;
    }
    const natsHeaders = newHeaders();
    // Each name comes once: `set` would look for an earlier value first.
    for (const name of names) natsHeaders.append(name, headers[name] ?? '');
    this.#connection.publish(subject, payload, {
      headers: natsHeaders,
      ...(replyTo === undefined ? {} : { reply: replyTo }),
    });
  }

  listen(subject: string, queue: string | undefined, onFrame: (frame: Frame) => void): WireSubscription {
    const subscription = this.#connection.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, message) => {
        if (error !== null) this.#logger.error('a subscription was refused', { subject, error });
        else this.#deliver(subject, message, onFrame);
      },
    });
    return {
      stop: async () => {
        if (subscription.isClosed() || this.#connection.isClosed()) return;
        if (!this.#isConnected) {
          subscription.unsubscribe();
          return;
        }
        try {
          await subscription.drain();
        } catch (error) {
          // The connection broke meanwhile: nothing more comes, and it must not come back with the next one.
          this.#logger.warn('a subscription could not be drained', { subject, error });
          subscription.unsubscribe();
        }
      },
    };
  }

  /** What leaves a callback ends the client's loop that reads from the socket: it would hear nothing more for 15 s. */
  #deliver(subject: string, message: Msg, onFrame: (frame: Frame) => void): void {
    try {
      onFrame(frameOf(message));
    } catch (error) {
      this.#logger.error('a message could not be taken', { subject, error });
    }
  }

  watch(watcher: WireWatcher): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  flush(): Promise<void> {
    return this.#connection.flush();
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #followStatus(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === 'disconnect' && this.#isConnected) {
        this.#isConnected = false;
        this.#logger.warn('lost the connection to NATS', { server: status.server });
        this.#tell((watcher) => watcher.disconnected?.());
      } else if (status.type === 'reconnect') {
        this.#isConnected = true;
        this.#logger.info('connected to NATS again', { server: status.server });
        this.#tell((watcher) => watcher.connected?.());
      } else if (status.type === 'error') {
        const { error } = status;
        this.#logger.error('NATS reports an error', { error });
        if (error instanceof PermissionViolationError && error.operation === 'publish') {
          this.#tell((watcher) => watcher.refused?.(error.subject));
        }
      }
    }
    // The iteration ends with the connection.
    this.#isConnected = false;
    this.#tell((watcher) => watcher.disconnected?.());
  }

  #tell(action: (watcher: WireWatcher) => void): void {
    for (const watcher of [...this.#watchers]) action(watcher);
  }
}

function frameOf(message: Msg): Frame {
  const { data, subject } = message;
  const replyTo = message.reply ?? '';
  return {
    subject,
    payload: data,
    replyTo: replyTo === '' ? undefined : replyTo,
    // Subjects hold no fewer bytes than characters, so this is never too small.
    headerBytes: sizeOf(message) - subject.length - replyTo.length - data.length,
    readHeaders: () => {
      const { headers } = message;
      return {
        isNoResponders: data.length === 0 && headers?.code === 503,
        get: (name) => {
          const value = headers?.get(name);
          return value === '' ? undefined : value;
        },
      };
    },
  };
}

/** Of subjects, headers and payload. The client's messages have it, its type has not. */
function sizeOf(message: Msg): number {
  const { size } = message as { size?: () => number };
  if (size === undefined) throw new Error('this NATS client does not say how large a message is');
  return size.call(message);
}
