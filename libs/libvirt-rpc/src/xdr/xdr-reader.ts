import { XdrError } from './xdr-error.js';

const maxSafe = BigInt(Number.MAX_SAFE_INTEGER);
const minSafe = BigInt(Number.MIN_SAFE_INTEGER);

/** Takes XDR values off a buffer, never past its end. */
export class XdrReader {
  readonly #buffer: Buffer;
  #at: number;

  constructor(buffer: Buffer, offset = 0) {
    this.#buffer = buffer;
    this.#at = offset;
  }

  get remaining(): number {
    return this.#buffer.length - this.#at;
  }

  int(): number {
    return this.#buffer.readInt32BE(this.#take(4));
  }

  uint(): number {
    return this.#buffer.readUInt32BE(this.#take(4));
  }

  /** A number where that is exact (up to 2^53), a bigint beyond. */
  hyper(): number | bigint {
    const at = this.#take(8);
    const high = this.#buffer.readInt32BE(at);
    if (high >= -0x200000 && high < 0x200000) {
      const value = high * 0x100000000 + this.#buffer.readUInt32BE(at + 4);
      if (Number.isSafeInteger(value)) return value;
    }
    return narrowed(this.#buffer.readBigInt64BE(at));
  }

  uhyper(): number | bigint {
    const at = this.#take(8);
    const high = this.#buffer.readUInt32BE(at);
    if (high < 0x200000) return high * 0x100000000 + this.#buffer.readUInt32BE(at + 4);
    return narrowed(this.#buffer.readBigUInt64BE(at));
  }

  double(): number {
    return this.#buffer.readDoubleBE(this.#take(8));
  }

  /** A view of the next bytes, without a copy; the padding behind them is skipped. */
  fixed(length: number): Buffer {
    const at = this.#take((length + 3) & ~3);
    return this.#buffer.subarray(at, at + length);
  }

  opaque(maxBytes: number): Buffer {
    return this.fixed(this.count(maxBytes, 1));
  }

  string(maxBytes: number): string {
    return this.fixed(this.count(maxBytes, 1)).toString('utf8');
  }

  /** The count in front of an array; checked against what is left, so that a huge count allocates nothing. */
  count(max: number, leastBytesEach: number): number {
    const count = this.uint();
    if (count > max) throw new XdrError(`count ${count}, at most ${max} are allowed`);
    if (count * leastBytesEach > this.remaining)
      throw new XdrError(`count ${count}, but ${this.remaining} bytes are left`);
    return count;
  }

  end(): void {
    if (this.remaining !== 0) throw new XdrError(`${this.remaining} bytes left over`);
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (bytes > this.#buffer.length - at) {
      throw new XdrError(`${bytes} bytes wanted, ${this.#buffer.length - at} are left`);
    }
    this.#at = at + bytes;
    return at;
  }
}

function narrowed(value: bigint): number | bigint {
  return value >= minSafe && value <= maxSafe ? Number(value) : value;
}
