/**
 * All connections to one daemon. The first carries events and tells whether the daemon is there; when it is lost all others
 * go with it, and it is opened again with growing pauses. Calls made meanwhile reject at once as `not-applied`.
 */
import { errorCodes } from '../facade/error-codes.js';
import type { Args, CallName, Reply, StreamProcedureName } from '../procedures/table.js';
import type { LibvirtError } from '../wire/libvirt-error.js';
import { EventHub } from './event-hub.js';
import type { EventKey, LibvirtEvent } from './event-sources.js';
import { openConnection } from './handshake.js';
import type { KeepaliveOptions } from './keepalive.js';
import { Lane } from './lane.js';
import { laneOf, lanePolicies } from './lanes.policy.js';
import type { LaneName } from './lanes.policy.js';
import { captureSite, clientError, withSite } from './pending-call.js';
import type { CallSite } from './pending-call.js';
import type { CallOptions, OpenedStream, RpcConnection } from './rpc-connection.client.js';
import { unixSocket } from './transport.js';
import type { Transport } from './transport.js';

export interface LibvirtOptions {
  /** Path of the daemon's socket; by default virtqemud's if it is there, else libvirtd's. */
  readonly socketPath?: string;
  /** Opens the byte stream itself; replaces `socketPath`. */
  readonly transport?: Transport;
  /** Which driver the daemon should open; `qemu:///system` unless said otherwise. */
  readonly uri?: string;
  /** Pings to a silent daemon: by default every second, and gone after three without an answer. */
  readonly keepalive?: KeepaliveOptions | null;
  /** Calls in flight per connection; more than 4 make the daemon deaf (its `max_client_requests` is 5). */
  readonly maxInFlight?: number;
  /** Pauses between attempts to connect again, doubling from the first to the last. */
  readonly backoff?: { readonly firstMs: number; readonly lastMs: number };
}

export interface ConnectionListener {
  /** A connection stands and all events are registered; whatever happened before may have been missed, so take full lists. */
  connected?(): void;
  disconnected?(reason: Error): void;
  /** An attempt to connect again failed; the next one follows after a pause. */
  unreachable?(reason: unknown): void;
}

const laneNames: readonly LaneName[] = ['control', 'books', 'work', 'statistics', 'long'];

export class LibvirtPool {
  readonly #options: Required<Omit<LibvirtOptions, 'socketPath'>>;
  readonly #lanes: ReadonlyMap<LaneName, Lane>;
  readonly #bulk = new Set<RpcConnection>();
  readonly #events = new EventHub();
  readonly #watchers = new Set<ConnectionListener>();
  #main: RpcConnection | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  /** Stands for the time between a start and its close; what was begun in an earlier one must not take effect. */
  #run: symbol | undefined;

  constructor(options: LibvirtOptions = {}) {
    this.#options = {
      transport: options.transport ?? unixSocket(options.socketPath),
      uri: options.uri ?? 'qemu:///system',
      keepalive: options.keepalive === undefined ? { intervalMs: 1000, count: 3 } : options.keepalive,
      maxInFlight: options.maxInFlight ?? 4,
      backoff: options.backoff ?? { firstMs: 50, lastMs: 5000 },
    };
    this.#lanes = new Map(
      laneNames.map((name) => {
        const { maxConnections, timeoutMs } = lanePolicies[name];
        return [name, new Lane(maxConnections, () => this.#openAlive(timeoutMs))];
      }),
    );
  }

  get isConnected(): boolean {
    return this.#main !== undefined;
  }

  /** Tells of connections gained and lost from now on. The answer stops that. */
  watch(listener: ConnectionListener): () => void {
    this.#watchers.add(listener);
    return () => void this.#watchers.delete(listener);
  }

  /** Connects once and rejects if that fails; once it stands, a lost connection is opened again until `close`. */
  async connect(): Promise<void> {
    const run = this.#begin();
    try {
      await this.#establish(run);
    } catch (error) {
      if (this.#run === run) this.#run = undefined;
      throw error;
    }
  }

  /** Like `connect`, for a daemon that may come later: tries until it is there, and says so through `watch`. */
  start(): void {
    this.#retry(this.#begin(), 0);
  }

  /** Ends all connections and stops reconnecting. Calls and streams in flight reject. */
  close(): void {
    this.#run = undefined;
    clearTimeout(this.#retryTimer);
    const main = this.#main;
    this.#main = undefined;
    this.#events.detach();
    main?.close();
    this.#closeOthers();
  }

  call<Name extends CallName>(name: Name, args: Args<Name>, options: CallOptions = {}): Promise<Reply<Name>> {
    const site = options.site ?? captureSite();
    const lane = laneOf(name);
    const connections = this.#lanes.get(lane);
    if (this.#main === undefined || connections === undefined) return Promise.reject(notSent(name, site));
    const callOptions = { timeoutMs: options.timeoutMs ?? lanePolicies[lane].timeoutMs, site };
    return connections.run(
      (connection) => connection.call(name, args, callOptions),
      (cause) => notSent(name, site, cause),
    );
  }

  /** Opens a stream on a connection of its own, which ends with the stream. */
  async openStream<Name extends StreamProcedureName>(
    name: Name,
    args: Args<Name>,
    options: CallOptions = {},
  ): Promise<OpenedStream<Name>> {
    const site = options.site ?? captureSite();
    if (this.#main === undefined) throw notSent(name, site);
    // No pings from the daemon here: while a slow reader holds the socket back, they could not be answered.
    const connection = await this.#openAlive(lanePolicies.work.timeoutMs, { keepalive: null }).catch(
      (cause: unknown) => {
        throw notSent(name, site, cause);
      },
    );
    this.#bulk.add(connection);
    connection.onClose = () => void this.#bulk.delete(connection);
    try {
      const opened = await connection.openStream(name, args, { ...options, site });
      opened.stream.once('close', () => connection.close());
      return opened;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  on<Key extends EventKey>(key: Key, listener: (event: LibvirtEvent<Key>) => void): Promise<() => Promise<void>> {
    return this.#events.on(key, listener);
  }

  #open(timeoutMs: number, changes: { readonly keepalive?: null } = {}): Promise<RpcConnection> {
    return openConnection({ ...this.#options, ...changes, timeoutMs });
  }

  /** A further connection; worthless if the first one was lost while it opened. */
  async #openAlive(timeoutMs: number, changes: { readonly keepalive?: null } = {}): Promise<RpcConnection> {
    const main = this.#main;
    const connection = await this.#open(timeoutMs, changes);
    if (main === this.#main) return connection;
    connection.close();
    throw notConnected('connect');
  }

  #begin(): symbol {
    if (this.#run !== undefined) throw new Error('this client is already connected or connecting');
    this.#run = Symbol('run');
    return this.#run;
  }

  async #establish(run: symbol): Promise<void> {
    const connection = await this.#open(lanePolicies.control.timeoutMs);
    try {
      if (this.#run === run) await this.#events.attach(connection);
      if (this.#run !== run || connection.isClosed) throw notConnected('connect');
    } catch (error) {
      if (this.#run === run) this.#events.detach();
      connection.close();
      throw error;
    }
    this.#main = connection;
    this.#lanes.get('control')?.add(connection);
    connection.onClose = (reason) => this.#lost(run, connection, reason);
    for (const watcher of [...this.#watchers]) watcher.connected?.();
  }

  #lost(run: symbol, connection: RpcConnection, reason: Error): void {
    if (connection !== this.#main) return;
    this.#main = undefined;
    this.#events.detach();
    this.#closeOthers();
    this.#retry(run, this.#options.backoff.firstMs);
    for (const watcher of [...this.#watchers]) watcher.disconnected?.(reason);
  }

  #closeOthers(): void {
    for (const lane of this.#lanes.values()) lane.closeAll();
    for (const connection of [...this.#bulk]) connection.close();
  }

  #retry(run: symbol, pauseMs: number): void {
    const { firstMs, lastMs } = this.#options.backoff;
    this.#retryTimer = setTimeout(() => {
      this.#establish(run).catch((error: unknown) => {
        if (this.#run !== run) return;
        this.#retry(run, Math.min(Math.max(pauseMs * 2, firstMs), lastMs));
        for (const watcher of [...this.#watchers]) watcher.unreachable?.(error);
      });
    }, pauseMs);
  }
}

function notConnected(name: string): LibvirtError {
  return clientError(name, errorCodes.NO_CONNECT, 'not-applied', 'not connected to the daemon');
}

/** Whatever became of the attempt to connect, the call itself was not made. */
function notSent(name: string, site: CallSite, cause?: unknown): LibvirtError {
  const detail = cause instanceof Error ? `: ${cause.message}` : '';
  return withSite(clientError(name, errorCodes.NO_CONNECT, 'not-applied', `not connected${detail}`, cause), site);
}
