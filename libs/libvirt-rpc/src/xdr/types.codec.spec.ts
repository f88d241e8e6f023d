import { describe, expect, it } from '@jest/globals';
import { params } from './typed-params.codec.js';
import type { TypedParam } from './typed-params.codec.js';
import {
  fixedChars,
  hyper,
  int,
  list,
  maxStringBytes,
  opaque,
  optional,
  string,
  struct,
  uhyper,
  uint,
  uuid,
} from './types.codec.js';
import type { Codec } from './types.codec.js';
import { XdrError } from './xdr-error.js';
import { XdrReader } from './xdr-reader.js';
import { XdrWriter } from './xdr-writer.js';

function encoded<Value>(codec: Codec<Value>, value: Value): string {
  const writer = new XdrWriter(4);
  codec.encode(writer, value);
  return writer.bytes.toString('hex');
}

function decoded<Value>(codec: Codec<Value>, hex: string): Value {
  const reader = new XdrReader(Buffer.from(hex.replace(/\s/g, ''), 'hex'));
  const value = codec.decode(reader);
  reader.end();
  return value;
}

describe('XDR values', () => {
  it('writes integers big-endian', () => {
    expect(encoded(int, -2)).toBe('fffffffe');
    expect(encoded(uint, 0xfffffffe)).toBe('fffffffe');
    expect(encoded(hyper, -1)).toBe('ffffffffffffffff');
    expect(encoded(uhyper, 2 ** 32 + 1)).toBe('0000000100000001');
  });

  it('gives 64-bit values as numbers while those are exact, and as bigints beyond', () => {
    expect(decoded(uhyper, '001fffffffffffff')).toBe(Number.MAX_SAFE_INTEGER);
    expect(decoded(uhyper, '0020000000000000')).toBe(2n ** 53n);
    expect(decoded(uhyper, 'ffffffffffffffff')).toBe(2n ** 64n - 1n);
    expect(decoded(hyper, 'ffffffffffffffff')).toBe(-1);
    expect(decoded(hyper, 'ffe0000000000001')).toBe(Number.MIN_SAFE_INTEGER);
    expect(decoded(hyper, 'ffe0000000000000')).toBe(-(2n ** 53n));
    expect(decoded(hyper, '8000000000000000')).toBe(-(2n ** 63n));
  });

  it.each([
    ['a fraction as int', () => encoded(int, 1.5)],
    ['2^31 as int', () => encoded(int, 2 ** 31)],
    ['a negative uint', () => encoded(uint, -1)],
    ['NaN as uint', () => encoded(uint, Number.NaN)],
    ['a number beyond 2^53 as hyper, which may have lost its last digits', () => encoded(hyper, 2 ** 53)],
    ['2^63 as hyper', () => encoded(hyper, 2n ** 63n)],
    ['a negative uhyper', () => encoded(uhyper, -1n)],
    ['2^64 as uhyper', () => encoded(uhyper, 2n ** 64n)],
    ['a string with NUL, which the daemon would cut short', () => encoded(string, 'a\0b')],
    ['a string that is too long', () => encoded(string, 'x'.repeat(maxStringBytes + 1))],
    ['too many bytes', () => encoded(opaque(3), new Uint8Array(4))],
    ['too many items', () => encoded(list(int, 2), [1, 2, 3])],
    ['a UUID of other shape', () => encoded(uuid, '1234')],
    ['a character array that leaves no room for its NUL', () => encoded(fixedChars(4), 'four')],
  ])('refuses to write %s', (_name, write) => {
    expect(write).toThrow(XdrError);
  });

  it('pads strings and bytes to four with zeros', () => {
    expect(encoded(string, '')).toBe('00000000');
    expect(encoded(string, 'abcd')).toBe('0000000461626364');
    expect(encoded(string, 'ä€')).toBe('00000005' + 'c3a4e282ac' + '000000');
    expect(encoded(opaque(8), Uint8Array.of(1))).toBe('0000000101000000');
  });

  it('says with one word whether an optional value follows', () => {
    expect(encoded(optional(int), null)).toBe('00000000');
    expect(encoded(optional(int), 7)).toBe('0000000100000007');
    expect(() => decoded(optional(int), '00000002 00000007')).toThrow(XdrError);
  });

  it('gives every character of a fixed array a word of its own', () => {
    expect(encoded(fixedChars(3), 'é')).toBe('ffffffc3' + 'ffffffa9' + '00000000');
    expect(decoded(fixedChars(3), 'ffffffc3 ffffffa9 00000000')).toBe('é');
  });

  it('writes a UUID as sixteen bytes without a length', () => {
    const text = '0199c4e2-0001-7002-8003-a0b0c0d0e0f0';
    expect(encoded(uuid, text)).toBe('0199c4e2000170028003a0b0c0d0e0f0');
    expect(decoded(uuid, '0199c4e2000170028003a0b0c0d0e0f0')).toBe(text);
  });

  it('reads typed parameters of every type', () => {
    const bytes = `
      00000007
      00000001 61000000  00000001  ffffffff
      00000001 62000000  00000002  00000002
      00000001 63000000  00000003  fffffffffffffffd
      00000001 64000000  00000004  0000000000000004
      00000001 65000000  00000005  3ff8000000000000
      00000001 66000000  00000006  00000001
      00000001 67000000  00000007  00000002 68690000`;
    const values: TypedParam[] = [
      { field: 'a', type: 'int', value: -1 },
      { field: 'b', type: 'uint', value: 2 },
      { field: 'c', type: 'hyper', value: -3 },
      { field: 'd', type: 'uhyper', value: 4 },
      { field: 'e', type: 'double', value: 1.5 },
      { field: 'f', type: 'boolean', value: true },
      { field: 'g', type: 'string', value: 'hi' },
    ];
    expect(decoded(params(7), bytes)).toEqual(values);
    expect(encoded(params(7), values)).toBe(bytes.replace(/\s/g, ''));
    expect(() => decoded(params(7), '00000001 00000000 00000009 00000000')).toThrow('unknown type 9');
  });

  it('does not believe a count that the bytes left over cannot hold', () => {
    expect(() => decoded(list(uhyper, 0xffffffff), 'ffffffff 0000000000000000')).toThrow('bytes are left');
    expect(() => decoded(list(uhyper, 1), '00000002')).toThrow('at most 1');
    expect(() => decoded(string, '00000005 61626364')).toThrow('bytes are left');
    expect(() => decoded(string, '00000003 616263')).toThrow('bytes wanted');
  });

  it('names the field in which an error is', () => {
    const codec = struct({ outer: struct({ inner: uint }) });
    expect(() => encoded(codec, { outer: { inner: -1 } })).toThrow('outer: inner: -1 is no unsigned 32-bit integer');
    expect(() => decoded(codec, '00')).toThrow('outer: inner: ');
  });
});
