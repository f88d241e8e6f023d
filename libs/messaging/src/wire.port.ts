/**
 * Bytes to subjects and back: all that `Messaging` needs of a bus. The rules of requests, repeats and dead letters stand
 * above it, once, for NATS and for memory.
 */
export interface Wire {
  readonly isConnected: boolean;
  readonly isClosed: boolean;
  readonly maxPayloadBytes: number;
  /** A subject of our own for answers; `<inbox>.*` is listened to. */
  readonly inbox: string;
  send(subject: string, payload: Uint8Array, headers: Readonly<Record<string, string>>, replyTo?: string): void;
  listen(subject: string, queue: string | undefined, onFrame: (frame: Frame) => void): WireSubscription;
  watch(watcher: WireWatcher): () => void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface Frame {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly replyTo: string | undefined;
  /** Instead of an answer: nobody listens on the subject that was asked. */
  readonly isNoResponders: boolean;
  header(name: string): string | undefined;
}

export interface WireSubscription {
  /** Resolves when no frame will come any more. */
  stop(): Promise<void>;
}

export interface WireWatcher {
  connected?(): void;
  disconnected?(): void;
  /** The server refused to take what was sent to `subject`. */
  refused?(subject: string): void;
}
