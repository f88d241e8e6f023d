/**
 * XDR types as values, from which the table of procedures is built and its TypeScript types are inferred.
 * 64-bit integers are numbers up to 2^53 and bigints beyond, in both directions.
 */
import { atField, XdrError } from './xdr-error.js';
import type { XdrReader } from './xdr-reader.js';
import type { XdrWriter } from './xdr-writer.js';

/** What a codec is made of, for code that generates or prints values of a type. */
export type Shape =
  | { readonly kind: 'int' | 'uint' | 'hyper' | 'uhyper' | 'double' | 'string' | 'uuid' | 'param' }
  | { readonly kind: 'opaque'; readonly maxBytes: number }
  | { readonly kind: 'chars'; readonly length: number }
  | { readonly kind: 'list'; readonly item: Codec<unknown>; readonly max: number }
  | { readonly kind: 'optional'; readonly inner: Codec<unknown> }
  | { readonly kind: 'struct'; readonly fields: Fields };

export interface Codec<Value> {
  encode(writer: XdrWriter, value: Value): void;
  decode(reader: XdrReader): Value;
  /** Shortest encoding, to judge counts before anything is allocated for them. */
  readonly leastBytes: number;
  readonly shape: Shape;
}

export type ValueOf<C> = C extends Codec<infer Value> ? Value : never;
export type Fields = Readonly<Record<string, Codec<unknown>>>;
export type StructValue<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> };
export type Hyper = number | bigint;

export const maxStringBytes = 4_194_304;

function scalar<Value>(
  kind: 'int' | 'uint' | 'hyper' | 'uhyper' | 'double' | 'string',
  leastBytes: number,
  encode: (writer: XdrWriter, value: Value) => void,
  decode: (reader: XdrReader) => Value,
): Codec<Value> {
  return { encode, decode, leastBytes, shape: { kind } };
}

export const int = scalar<number>(
  'int',
  4,
  (writer, value) => writer.int(value),
  (reader) => reader.int(),
);
export const uint = scalar<number>(
  'uint',
  4,
  (writer, value) => writer.uint(value),
  (reader) => reader.uint(),
);
export const hyper = scalar<Hyper>(
  'hyper',
  8,
  (writer, value) => writer.hyper(value),
  (reader) => reader.hyper(),
);
export const uhyper = scalar<Hyper>(
  'uhyper',
  8,
  (writer, value) => writer.uhyper(value),
  (reader) => reader.uhyper(),
);
export const double = scalar<number>(
  'double',
  8,
  (writer, value) => writer.double(value),
  (reader) => reader.double(),
);
export const string = scalar<string>(
  'string',
  4,
  (writer, value) => writer.string(value, maxStringBytes),
  (reader) => reader.string(maxStringBytes),
);

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Sixteen raw bytes on the wire, the usual lower-case text here. */
export const uuid: Codec<string> = {
  encode(writer, value) {
    if (!uuidPattern.test(value)) throw new XdrError(`${JSON.stringify(value)} is no UUID`);
    writer.fixed(Buffer.from(value.replaceAll('-', ''), 'hex'));
  },
  decode(reader) {
    const hex = reader.fixed(16).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  },
  leastBytes: 16,
  shape: { kind: 'uuid' },
};

/** Bytes with a length in front. Decoded as a view of the frame: copy what is kept for long. */
export function opaque(maxBytes: number): Codec<Uint8Array> {
  return {
    encode: (writer, value) => writer.opaque(value, maxBytes),
    decode: (reader) => reader.opaque(maxBytes),
    leastBytes: 4,
    shape: { kind: 'opaque', maxBytes },
  };
}

/** A C string in a `char[n]`: every character travels as an integer of its own, the rest as zeros. */
export function fixedChars(length: number): Codec<string> {
  return {
    encode(writer, value) {
      const bytes = Buffer.from(value, 'utf8');
      if (bytes.length >= length)
        throw new XdrError(`string of ${bytes.length} bytes, at most ${length - 1} are allowed`);
      for (let index = 0; index < length; index += 1) writer.int(((bytes[index] ?? 0) << 24) >> 24);
    },
    decode(reader) {
      const bytes = Buffer.alloc(length);
      for (let index = 0; index < length; index += 1) bytes[index] = reader.int() & 0xff;
      const end = bytes.indexOf(0);
      return bytes.toString('utf8', 0, end < 0 ? length : end);
    },
    leastBytes: length * 4,
    shape: { kind: 'chars', length },
  };
}

export function list<Item>(item: Codec<Item>, max: number): Codec<readonly Item[]> {
  return {
    encode(writer, items) {
      if (items.length > max) throw new XdrError(`${items.length} items, at most ${max} are allowed`);
      writer.uint(items.length);
      for (const value of items) item.encode(writer, value);
    },
    decode(reader) {
      const count = reader.count(max, item.leastBytes);
      const items = new Array<Item>(count);
      for (let index = 0; index < count; index += 1) items[index] = item.decode(reader);
      return items;
    },
    leastBytes: 4,
    shape: { kind: 'list', item, max },
  };
}

/** An optional pointer: a word 0 or 1, then the value if 1. */
export function optional<Value>(inner: Codec<Value>): Codec<Value | null> {
  return {
    encode(writer, value) {
      writer.uint(value === null ? 0 : 1);
      if (value !== null) inner.encode(writer, value);
    },
    decode(reader) {
      const present = reader.uint();
      if (present > 1) throw new XdrError(`${present} where 0 or 1 says whether a value follows`);
      return present === 1 ? inner.decode(reader) : null;
    },
    leastBytes: 4,
    shape: { kind: 'optional', inner },
  };
}

export function struct<F extends Fields>(fields: F): Codec<StructValue<F>> {
  const entries = Object.entries(fields);
  return {
    encode(writer, value) {
      const record = value as Readonly<Record<string, unknown>>;
      for (const [name, codec] of entries) {
        try {
          codec.encode(writer, record[name]);
        } catch (error) {
          throw atField(name, error);
        }
      }
    },
    decode(reader) {
      const record: Record<string, unknown> = {};
      for (const [name, codec] of entries) {
        try {
          record[name] = codec.decode(reader);
        } catch (error) {
          throw atField(name, error);
        }
      }
      return record as StructValue<F>;
    },
    leastBytes: entries.reduce((sum, [, codec]) => sum + codec.leastBytes, 0),
    shape: { kind: 'struct', fields },
  };
}
