import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { errorPayload } from './structures.js';
import { eventMessages, procedures } from './table.js';
import type { TypedParam } from '../xdr/typed-params.codec.js';
import type { Codec, Hyper } from '../xdr/types.codec.js';
import { XdrError } from '../xdr/xdr-error.js';
import { XdrReader } from '../xdr/xdr-reader.js';
import { XdrWriter } from '../xdr/xdr-writer.js';

const ints = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const uints = fc.integer({ min: 0, max: 0xffffffff });
const narrowed = (value: bigint): Hyper =>
  BigInt.asIntN(54, value) === value && value !== -(2n ** 53n) ? Number(value) : value;
const hypers = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(narrowed);
const uhypers = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(narrowed);
const doubles = fc.double();
const strings = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll('\0', ''));

const typedParams: fc.Arbitrary<TypedParam> = fc.oneof(
  fc.record({ field: strings, type: fc.constantFrom('int' as const), value: ints }),
  fc.record({ field: strings, type: fc.constantFrom('uint' as const), value: uints }),
  fc.record({ field: strings, type: fc.constantFrom('hyper' as const), value: hypers }),
  fc.record({ field: strings, type: fc.constantFrom('uhyper' as const), value: uhypers }),
  fc.record({ field: strings, type: fc.constantFrom('double' as const), value: doubles }),
  fc.record({ field: strings, type: fc.constantFrom('boolean' as const), value: fc.boolean() }),
  fc.record({ field: strings, type: fc.constantFrom('string' as const), value: strings }),
);

function valuesOf(codec: Codec<unknown>): fc.Arbitrary<unknown> {
  const { shape } = codec;
  switch (shape.kind) {
    case 'int':
      return ints;
    case 'uint':
      return uints;
    case 'hyper':
      return hypers;
    case 'uhyper':
      return uhypers;
    case 'double':
      return doubles;
    case 'string':
      return strings;
    case 'uuid':
      return fc.uuid();
    case 'param':
      return typedParams;
    case 'opaque':
      return fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes));
    case 'chars':
      return fc.string({ unit: 'grapheme-ascii', maxLength: shape.length - 1 });
    case 'list':
      return fc.array(valuesOf(shape.item), { maxLength: Math.min(3, shape.max) });
    case 'optional':
      return fc.option(valuesOf(shape.inner));
    case 'struct':
      return fc.record(
        Object.fromEntries(Object.entries(shape.fields).map(([name, field]) => [name, valuesOf(field)])),
        { noNullPrototype: true },
      );
    default:
      return shape satisfies never;
  }
}

function encoded(codec: Codec<unknown>, value: unknown): Buffer {
  const writer = new XdrWriter(8);
  codec.encode(writer, value);
  return writer.bytes;
}

function decoded(codec: Codec<unknown>, bytes: Buffer): unknown {
  const reader = new XdrReader(bytes);
  const value = codec.decode(reader);
  reader.end();
  return value;
}

const rows: [string, Codec<unknown>][] = [
  ['error', errorPayload],
  ...Object.entries(procedures).flatMap(([name, { args, reply }]): [string, Codec<unknown>][] => [
    [`${name} arguments`, args],
    [`${name} reply`, reply],
  ]),
  ...Object.entries(eventMessages).map(([name, { body }]): [string, Codec<unknown>] => [name, body]),
];

describe('every row of the table', () => {
  it.each(rows)('reads what it wrote, whole words, and stops at every cut: %s', (_name, codec) => {
    fc.assert(
      fc.property(valuesOf(codec), fc.nat(), (value, cut) => {
        const bytes = Buffer.from(encoded(codec, value));
        expect(bytes.length % 4).toBe(0);
        expect(bytes.length).toBeGreaterThanOrEqual(codec.leastBytes);
        expect(decoded(codec, bytes)).toEqual(value);
        if (bytes.length > 0) {
          expect(() => decoded(codec, bytes.subarray(0, cut % bytes.length))).toThrow(XdrError);
        }
      }),
      { numRuns: 10, seed: 20260101 },
    );
  });

  it('answers arbitrary bytes with a value or an XdrError, never with anything else', () => {
    fc.assert(
      fc.property(fc.constantFrom(...rows), fc.uint8Array({ maxLength: 96 }), ([, codec], noise) => {
        try {
          decoded(codec, Buffer.from(noise));
        } catch (error) {
          expect(error).toBeInstanceOf(XdrError);
        }
      }),
      { numRuns: 300, seed: 20260101 },
    );
  });
});
