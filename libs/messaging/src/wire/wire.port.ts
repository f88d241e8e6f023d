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
  /** What `onFrame` throws is logged, and ends nothing. */
  listen(subject: string, queue: string | undefined, onFrame: (frame: Frame) => void): WireSubscription;
  watch(watcher: WireWatcher): () => void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** A message as it came: nothing of it has been read but its subjects. */
export interface Frame {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly replyTo: string | undefined;
  /** At least the size of the block of headers, which costs time to decode. */
  readonly headerBytes: number;
  /** Reads the block of headers. Throws where it is malformed: the bus hands on whatever a sender writes there. */
  readHeaders(): FrameHeaders;
}

export interface FrameHeaders {
  /** Instead of an answer: no client listens on the subject that was asked. */
  readonly isNoResponders: boolean;
  get(name: string): string | undefined;
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

/** More than any message of Drover needs. What a larger block costs to decode grows with the square of its size. */
export const MAX_HEADER_BYTES = 4096;
