import { XdrError } from './xdr-error.js';

/** Appends big-endian XDR values to a buffer that grows; everything takes a multiple of four bytes. */
export class XdrWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(initialBytes = 512) {
    this.#buffer = Buffer.allocUnsafe(initialBytes);
  }

  /** What was written so far; a view, valid until the next write. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  get length(): number {
    return this.#length;
  }

  int(value: number): void {
    if (!Number.isInteger(value) || value < -0x80000000 || value > 0x7fffffff) {
      throw new XdrError(`${String(value)} is no 32-bit integer`);
    }
    const at = this.#grow(4);
    this.#buffer.writeInt32BE(value, at);
  }

  uint(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
      throw new XdrError(`${String(value)} is no unsigned 32-bit integer`);
    }
    const at = this.#grow(4);
    this.#buffer.writeUInt32BE(value, at);
  }

  hyper(value: number | bigint): void {
    const exact = toBigInt(value);
    if (exact !== BigInt.asIntN(64, exact)) throw new XdrError(`${exact} is no 64-bit integer`);
    const at = this.#grow(8);
    this.#buffer.writeBigInt64BE(exact, at);
  }

  uhyper(value: number | bigint): void {
    const exact = toBigInt(value);
    if (exact !== BigInt.asUintN(64, exact)) throw new XdrError(`${exact} is no unsigned 64-bit integer`);
    const at = this.#grow(8);
    this.#buffer.writeBigUInt64BE(exact, at);
  }

  double(value: number): void {
    const at = this.#grow(8);
    this.#buffer.writeDoubleBE(value, at);
  }

  /** Bytes without a length, padded with zeros to a multiple of four. */
  fixed(value: Uint8Array): void {
    const at = this.#grow((value.length + 3) & ~3);
    this.#buffer.set(value, at);
    this.#buffer.fill(0, at + value.length, this.#length);
  }

  /** Bytes as they are, for what is not XDR: the data of a stream. */
  raw(value: Uint8Array): void {
    const at = this.#grow(value.length);
    this.#buffer.set(value, at);
  }

  opaque(value: Uint8Array, maxBytes: number): void {
    if (value.length > maxBytes) throw new XdrError(`${value.length} bytes, at most ${maxBytes} are allowed`);
    this.uint(value.length);
    this.fixed(value);
  }

  /** A NUL is refused, because the daemon would silently cut the string there. */
  string(value: string, maxBytes: number): void {
    if (typeof value !== 'string') throw new XdrError(`${typeof value} where a string belongs`);
    if (value.includes('\0')) throw new XdrError('a string must not contain NUL');
    const length = Buffer.byteLength(value, 'utf8');
    if (length > maxBytes) throw new XdrError(`string of ${length} bytes, at most ${maxBytes} are allowed`);
    this.uint(length);
    const at = this.#grow((length + 3) & ~3);
    this.#buffer.write(value, at, 'utf8');
    this.#buffer.fill(0, at + length, this.#length);
  }

  /** Overwrites a word written earlier, such as a frame's length once it is known. */
  patchUint(offset: number, value: number): void {
    this.#buffer.writeUInt32BE(value, offset);
  }

  #grow(bytes: number): number {
    const at = this.#length;
    const needed = at + bytes;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    this.#length = needed;
    return at;
  }
}

function toBigInt(value: number | bigint): bigint {
  if (typeof value === 'bigint') return value;
  if (!Number.isSafeInteger(value)) throw new XdrError(`${String(value)} is no exact integer; pass a bigint`);
  return BigInt(value);
}
