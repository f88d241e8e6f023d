import { inboxOfName } from '../subjects/reply-inbox.policy.js';
import type { Frame, Wire, WireWatcher } from './wire.port.js';

interface Listener {
  readonly owner: MemoryWire;
  readonly tokens: readonly string[];
  readonly queue: string | undefined;
  readonly onFrame: (frame: Frame) => void;
}

/** Carries frames between the wires of one process, as nats-server does between connections. */
export class MemoryHub {
  readonly listeners = new Set<Listener>();
  readonly maxPayloadBytes: number;
  readonly #wires = new Set<MemoryWire>();
  #turn = 0;
  isUp = true;

  constructor(maxPayloadBytes: number) {
    this.maxPayloadBytes = maxPayloadBytes;
  }

  connect(name: string): MemoryWire {
    const wire = new MemoryWire(this, `${inboxOfName(name)}.${this.#wires.size}`);
    this.#wires.add(wire);
    return wire;
  }

  setUp(isUp: boolean): void {
    if (this.isUp === isUp) return;
    this.isUp = isUp;
    for (const wire of this.#wires) wire.tell(isUp ? 'connected' : 'disconnected');
  }

  deliver(frame: Frame): void {
    const tokens = frame.subject.split('.');
    const matching = [...this.listeners].filter((listener) => matches(listener.tokens, tokens));
    const groups = Map.groupBy(matching, (listener) => listener.queue);
    const chosen = [...groups].flatMap(([queue, members]) => {
      const one = members[this.#turn++ % members.length];
      return queue === undefined || one === undefined ? members : [one];
    });
    if (chosen.length === 0 && frame.replyTo !== undefined) {
      this.deliver({
        subject: frame.replyTo,
        payload: new Uint8Array(),
        replyTo: undefined,
        headerBytes: 0,
        readHeaders: () => ({ isNoResponders: true, get: () => undefined }),
      });
    }
    for (const listener of chosen) {
      // Delivered in a later turn, as over a network; a listener that stopped meanwhile gets it still, as with a drain.
      listener.owner.receive(() => listener.onFrame(frame));
    }
  }
}

class MemoryWire implements Wire {
  readonly inbox: string;
  readonly #hub: MemoryHub;
  readonly #watchers = new Set<WireWatcher>();
  #isClosed = false;
  #epoch = 0;

  constructor(hub: MemoryHub, inbox: string) {
    this.#hub = hub;
    this.inbox = inbox;
  }

  get isConnected(): boolean {
    return this.#hub.isUp && !this.#isClosed;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get maxPayloadBytes(): number {
    return this.#hub.maxPayloadBytes;
  }

  send(subject: string, payload: Uint8Array, headers: Readonly<Record<string, string>>, replyTo?: string): void {
    if (!this.isConnected) throw new Error('the connection is closed');
    this.#hub.deliver({
      subject,
      payload,
      replyTo,
      headerBytes: Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length, 0),
      readHeaders: () => ({ isNoResponders: false, get: (name) => headers[name] }),
    });
  }

  listen(subject: string, queue: string | undefined, onFrame: (frame: Frame) => void) {
    const listener = { owner: this, tokens: subject.split('.'), queue, onFrame };
    this.#hub.listeners.add(listener);
    return {
      stop: async () => {
        this.#hub.listeners.delete(listener);
        await this.flush();
      },
    };
  }

  watch(watcher: WireWatcher): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  receive(deliver: () => void): void {
    const epoch = this.#epoch;
    setImmediate(() => {
      if (this.isConnected && epoch === this.#epoch) deliver();
    });
  }

  tell(state: 'connected' | 'disconnected'): void {
    this.#epoch += 1;
    for (const watcher of [...this.#watchers]) watcher[state]?.();
  }

  async flush(): Promise<void> {
    // Immediates run in the order they were asked for: all that was sent before has been delivered.
    await new Promise((resolve) => setImmediate(resolve));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const listener of this.#hub.listeners) {
      if (listener.owner === this) this.#hub.listeners.delete(listener);
    }
  }
}

function matches(pattern: readonly string[], subject: readonly string[]): boolean {
  if (pattern.at(-1) === '>' && subject.length >= pattern.length) {
    return pattern.slice(0, -1).every((token, index) => token === '*' || token === subject[index]);
  }
  return (
    pattern.length === subject.length && pattern.every((token, index) => token === '*' || token === subject[index])
  );
}
