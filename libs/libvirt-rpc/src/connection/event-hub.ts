/**
 * Fans events out to listeners.
 *
 * The daemon takes one registration per event and connection, so the first listener registers, the last one to go
 * deregisters, and a new connection registers again whatever still has listeners. Messages are recognised by their number
 * and not by the callback's id, because they may arrive before the reply that would tell the id.
 */
import { eventMessages } from '../procedures/table.js';
import { ProtocolError } from '../wire/frame.codec.js';
import type { Frame } from '../wire/frame.codec.js';
import { LibvirtError } from '../wire/libvirt-error.js';
import type { Codec } from '../xdr/types.codec.js';
import { eventSources } from './event-sources.js';
import type { EventKey, LibvirtEvent } from './event-sources.js';
import { decodePayload } from './rpc-connection.client.js';
import type { RpcConnection } from './rpc-connection.client.js';

type Listener = (event: never) => void;

const keyOfMessage = new Map<string, EventKey>(
  (Object.keys(eventSources) as EventKey[]).map((key) => {
    const { program, number } = eventMessages[eventSources[key].message];
    return [`${program}/${number}`, key];
  }),
);

export class EventHub {
  readonly #listeners = new Map<EventKey, Set<Listener>>();
  /** Callback ids on the current connection. */
  readonly #registered = new Map<EventKey, number>();
  /** The last (de)registration of each event; the next one waits for it. */
  readonly #turns = new Map<EventKey, Promise<void>>();
  #connection: RpcConnection | undefined;

  /**
   * Resolves when events flow; without a connection, at once, since the next connection registers before it is announced.
   * Rejects, and forgets the listener, if the daemon refuses. The answer takes the listener away again.
   */
  async on<Key extends EventKey>(key: Key, listener: (event: LibvirtEvent<Key>) => void): Promise<() => Promise<void>> {
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners);
    // A wrapper makes each call of `on` an entry of its own, even for the same function.
    const entry: Listener = (event: LibvirtEvent<Key>) => listener(event);
    listeners.add(entry);
    try {
      await this.#settle(key);
    } catch (error) {
      listeners.delete(entry);
      throw error;
    }
    return async () => {
      if (listeners.delete(entry)) await this.#settle(key);
    };
  }

  /** Takes events from this connection from now on and registers for all that have listeners. */
  async attach(connection: RpcConnection): Promise<void> {
    this.#connection = connection;
    this.#registered.clear();
    connection.onEvent = (frame) => this.#dispatch(frame);
    await Promise.all([...this.#listeners.keys()].map((key) => this.#settle(key)));
  }

  detach(): void {
    this.#connection = undefined;
    this.#registered.clear();
  }

  /** Makes the registration what the listeners need it to be, one step after another for each event. */
  #settle(key: EventKey): Promise<void> {
    const before = this.#turns.get(key) ?? Promise.resolve();
    // The step before told its own caller how it failed.
    const turn = before.catch(() => undefined).then(() => this.#adjust(key));
    this.#turns.set(key, turn);
    return turn;
  }

  async #adjust(key: EventKey): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    const isWanted = (this.#listeners.get(key)?.size ?? 0) > 0;
    const callbackID = this.#registered.get(key);
    try {
      if (isWanted && callbackID === undefined) {
        const id = await register(connection, key);
        if (connection === this.#connection) this.#registered.set(key, id);
      } else if (!isWanted && callbackID !== undefined) {
        this.#registered.delete(key);
        await deregister(connection, key, callbackID);
      }
    } catch (error) {
      // A lost connection refuses nothing: the next one registers.
      if (!(error instanceof LibvirtError && error.origin === 'client' && connection.isClosed)) throw error;
    }
  }

  #dispatch(frame: Frame): void {
    const key = keyOfMessage.get(`${frame.program}/${frame.procedure}`);
    const listeners = key === undefined ? undefined : this.#listeners.get(key);
    if (key === undefined || listeners === undefined || listeners.size === 0) return;
    const event = flatten(decodeEvent(eventMessages[eventSources[key].message].body, frame.payload));
    for (const listener of [...listeners]) {
      try {
        listener(event as never);
      } catch (error) {
        // A listener's defect must neither silence the other listeners nor stop the reading of the socket.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** An event that cannot be read is lost, and a lost event must end in a full list: hence the connection ends with it. */
function decodeEvent(codec: Codec<object>, payload: Buffer): object {
  try {
    return decodePayload(codec, payload);
  } catch (cause) {
    throw new ProtocolError(`unreadable event: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function flatten(body: object): object {
  const { callbackID: _id, msg, ...rest } = body as { callbackID?: number; msg?: object };
  return { ...msg, ...rest };
}

async function register(connection: RpcConnection, key: EventKey): Promise<number> {
  const { kind, id: eventID } = eventSources[key];
  switch (kind) {
    case 'domain':
      return (await connection.call('CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY', { eventID, dom: null })).callbackID;
    case 'network':
      return (await connection.call('CONNECT_NETWORK_EVENT_REGISTER_ANY', { eventID, net: null })).callbackID;
    case 'storagePool':
      return (await connection.call('CONNECT_STORAGE_POOL_EVENT_REGISTER_ANY', { eventID, pool: null })).callbackID;
    case 'monitor': {
      const args = { dom: null, event: null, flags: 0 };
      return (await connection.call('CONNECT_DOMAIN_MONITOR_EVENT_REGISTER', args)).callbackID;
    }
    default:
      return kind satisfies never;
  }
}

async function deregister(connection: RpcConnection, key: EventKey, callbackID: number): Promise<void> {
  const { kind } = eventSources[key];
  switch (kind) {
    case 'domain':
      await connection.call('CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY', { callbackID });
      return;
    case 'network':
      await connection.call('CONNECT_NETWORK_EVENT_DEREGISTER_ANY', { callbackID });
      return;
    case 'storagePool':
      await connection.call('CONNECT_STORAGE_POOL_EVENT_DEREGISTER_ANY', { callbackID });
      return;
    case 'monitor':
      await connection.call('CONNECT_DOMAIN_MONITOR_EVENT_DEREGISTER', { callbackID });
      return;
    default:
      return kind satisfies never;
  }
}
