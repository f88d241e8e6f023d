/** Frames: a length that counts itself, six words of header, then the payload. */
import type { XdrWriter } from '../xdr/xdr-writer.js';

export const messageTypes = {
  call: 0,
  reply: 1,
  message: 2,
  stream: 3,
  callFds: 4,
  replyFds: 5,
  streamHole: 6,
} as const;
export const statuses = { ok: 0, error: 1, continue: 2 } as const;

export const headerBytes = 28;
/** The length word itself is not part of what libvirt limits. */
export const maxFrameBytes = 33_554_432 + 4;

export interface Header {
  readonly program: number;
  readonly procedure: number;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
}

export interface Frame extends Header {
  readonly payload: Buffer;
}

/** The bytes are not libvirt's protocol, so nothing behind them can be trusted and the connection is useless. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** Writes a header with room for the length, which `finishFrame` fills in behind the payload. */
export function beginFrame(writer: XdrWriter, header: Header): void {
  writer.uint(0);
  writer.uint(header.program);
  writer.uint(1);
  writer.int(header.procedure);
  writer.int(header.type);
  writer.uint(header.serial);
  writer.int(header.status);
}

export function finishFrame(writer: XdrWriter): Buffer {
  if (writer.length > maxFrameBytes) {
    throw new RangeError(`frame of ${writer.length} bytes, at most ${maxFrameBytes} are allowed`);
  }
  writer.patchUint(0, writer.length);
  return writer.bytes;
}

export function decodeFrame(bytes: Buffer): Frame {
  const version = bytes.readUInt32BE(8);
  if (version !== 1) throw new ProtocolError(`version ${version} of program ${bytes.readUInt32BE(4).toString(16)}`);
  return {
    program: bytes.readUInt32BE(4),
    procedure: bytes.readInt32BE(12),
    type: bytes.readInt32BE(16),
    serial: bytes.readUInt32BE(20),
    status: bytes.readInt32BE(24),
    payload: bytes.subarray(headerBytes),
  };
}

/** Cuts a byte stream into frames, however it was split on its way. */
export class FrameSplitter {
  #chunks: Buffer[] = [];
  #buffered = 0;
  /** Length of the frame under way; 0 while its length word is not complete. */
  #wanted = 0;

  push(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    // Joined only when a frame is complete: joining on every chunk would copy a large frame many times.
    if (this.#buffered < Math.max(this.#wanted, 4)) return [];
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    const frames: Frame[] = [];
    let at = 0;
    this.#wanted = 0;
    while (bytes.length - at >= 4) {
      const length = bytes.readUInt32BE(at);
      if (length < headerBytes || length > maxFrameBytes) throw new ProtocolError(`frame of ${length} bytes`);
      if (bytes.length - at < length) {
        this.#wanted = length;
        break;
      }
      frames.push(decodeFrame(bytes.subarray(at, at + length)));
      at += length;
    }
    this.#buffered = bytes.length - at;
    this.#chunks = this.#buffered > 0 ? [bytes.subarray(at)] : [];
    return frames;
  }
}
