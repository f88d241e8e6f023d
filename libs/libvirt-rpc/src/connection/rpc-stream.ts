import { Duplex } from 'node:stream';
import type { DuplexOptions } from 'node:stream';
import { statuses } from '../wire/frame.codec.js';
import type { Frame } from '../wire/frame.codec.js';
import type { LibvirtError } from '../wire/libvirt-error.js';
import type { StreamDirection } from '../procedures/procedure.js';

/** What a stream needs of the connection it runs over. */
export interface StreamWire {
  /** Sends one packet; false when the socket is full and `drained` should be awaited before the next. */
  send(status: number, payload?: Uint8Array): boolean;
  drained(next: () => void): void;
  pauseReading(): void;
  resumeReading(): void;
  decodeError(payload: Buffer): LibvirtError;
  protocolError(message: string): LibvirtError;
  /** No packet of this stream will follow. */
  forget(): void;
}

/** The C library sends no larger packets, and small ones keep the daemon's keepalive answers flowing in between. */
const maxPacketBytes = 262_120;
const bufferedBytes = 1_048_576;

/**
 * Data that flows along with a call: a download, an upload, or both ways for a console.
 *
 * A Node stream with its usual back-pressure. Reading ends, and `finish` is emitted, only when the daemon has confirmed
 * that all is done; an upload that finished is stored. Destroying it earlier aborts the transfer on the daemon's side.
 */
export class RpcStream extends Duplex {
  readonly #wire: StreamWire;
  #state: 'open' | 'finishing' | 'aborting' | 'over' = 'open';
  #whenConfirmed: ((error?: Error) => void) | undefined;

  constructor(wire: StreamWire, direction: StreamDirection) {
    // Node knows `readable` and `writable` here; its types do not.
    const sides: DuplexOptions & { readonly readable: boolean; readonly writable: boolean } = {
      readable: direction !== 'write',
      writable: direction !== 'read',
      highWaterMark: bufferedBytes,
    };
    super(sides);
    this.#wire = wire;
  }

  /** Takes a packet that the daemon sent for this stream. */
  receive(frame: Frame): void {
    switch (frame.status) {
      case statuses.continue:
        return this.#receiveData(frame.payload);
      case statuses.ok:
        return this.#end();
      case statuses.error:
        return this.connectionLost(this.#wire.decodeError(frame.payload));
      default:
        return this.connectionLost(this.#wire.protocolError(`stream packet with status ${frame.status}`));
    }
  }

  /** Ends the stream with an error, without a word to the daemon, which ended it itself or is gone. */
  connectionLost(error: LibvirtError): void {
    const wasAborting = this.#state === 'aborting';
    this.#over();
    if (!wasAborting) this.destroy(error);
  }

  override _read(): void {
    this.#wire.resumeReading();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const sendFrom = (offset: number): void => {
      if (this.#state !== 'open') return done();
      const end = Math.min(offset + maxPacketBytes, chunk.length);
      const hasRoom = offset === end || this.#wire.send(statuses.continue, chunk.subarray(offset, end));
      const next = end === chunk.length ? () => done() : () => sendFrom(end);
      if (hasRoom) next();
      else this.#wire.drained(next);
    };
    sendFrom(0);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#state === 'over') return done();
    this.#whenConfirmed = done;
    this.#finish();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#wire.resumeReading();
    if (this.#state === 'open' || this.#state === 'finishing') {
      this.#state = 'aborting';
      this.#wire.send(statuses.error);
    }
    done(error);
  }

  #receiveData(payload: Buffer): void {
    if (this.#state === 'aborting' || this.#state === 'over') return;
    if (payload.length === 0) this.#finish();
    else if (!this.push(payload)) this.#wire.pauseReading();
  }

  #finish(): void {
    if (this.#state !== 'open') return;
    this.#state = 'finishing';
    this.#wire.send(statuses.ok);
  }

  #end(): void {
    const wasAborting = this.#state === 'aborting';
    this.#over();
    if (wasAborting) return;
    if (this.readable || this.readableLength > 0) this.push(null);
    const confirmed = this.#whenConfirmed;
    this.#whenConfirmed = undefined;
    if (confirmed !== undefined) confirmed();
    else if (!this.writableEnded) this.end();
  }

  #over(): void {
    this.#state = 'over';
    this.#wire.forget();
  }
}
