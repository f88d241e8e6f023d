import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { mapOf, text, timeSchema, timeWithOffsetSchema } from './bounds.schema.js';
import * as contracts from './index.js';

/** Places that may hold anything, each with the reason why nothing grows without bound there. */
const unbounded: Readonly<Record<string, string>> = {
  'storedEventSchema.data': 'MAX_EVENT_BYTES, which the store holds',
  'eventPageSchema.items[].data': 'MAX_EVENT_BYTES, which the store holds',
  'vmHistorySchema.items[].data': 'MAX_EVENT_BYTES, which the store holds',
  'vmLaneMessageSchema|1.reports[].report':
    'read with vmReportSchema on its own, so that one bad report blocks no other',
  'vmLaneMessageReader|1.reports[].report': 'the same message',
  'hostLaneMessageSchema|1.reports[].report': 'read with hostReportSchema on its own',
  'replySchema|0.value': 'read with the schema of the question; NATS limits the message',
};
/** The values of an error's data are of many shapes; the event, report or answer that carries them is bounded. */
const isErrorData = (path: string) => path.endsWith('data{}') || path === 'errorDataSchema{}';

describe('bounds', () => {
  it('are there for every number, text, list and map of every schema of this package', () => {
    const missing: string[] = [];
    const met = new Set<string>();
    let count = 0;
    for (const [name, schema] of exported()) {
      count += 1;
      for (const path of unboundedIn(schema, name)) {
        met.add(path);
        if (!(path in unbounded) && !isErrorData(path)) missing.push(path);
      }
    }
    expect(missing).toEqual([]);
    expect(count).toBeGreaterThan(80);
    expect(Object.keys(unbounded).filter((path) => !met.has(path))).toEqual([]);
  });

  it.each([
    ['an int', z.int().min(0)],
    ['an int without a least', z.int().max(5)],
    ['a number', z.number().min(0)],
    ['a text', z.string()],
    ['a text with an open pattern', z.string().regex(/^a+$/)],
    ['a text with a pattern that is not of the whole', z.string().regex(/a{3}/)],
    ['a time', z.iso.datetime()],
    ['a list', z.array(z.literal(1))],
    ['a map that is counted after it was read', z.record(text(5), z.literal(1)).refine(() => true)],
    ['the key of a map', mapOf(z.string(), z.literal(1), 5)],
    ['anything', z.unknown()],
  ])('are missed in %s', (_what, schema) => {
    for (const around of [schema, z.strictObject({ a: schema.optional() }), z.union([z.null(), schema])]) {
      expect(unboundedIn(around, 'x')).toHaveLength(1);
    }
  });

  it('of a map are looked at before its entries', () => {
    let reads = 0;
    const key = z
      .string()
      .max(9)
      .refine(() => (reads += 1) > 0);
    const map = mapOf(key, z.literal(1), 3);
    expect(map.safeParse({ a: 1, b: 1, c: 1 }).success).toBe(true);
    expect(reads).toBe(3);
    expect(map.safeParse({ a: 1, b: 1, c: 1, d: 1 }).error?.issues).toMatchObject([
      { message: 'must have at most 3 entries', path: [] },
    ]);
    expect(reads).toBe(3);
    expect(z.strictObject({ map }).safeParse({}).success).toBe(false);
  });

  it.each(['0000-01-01T00:00:00Z', '1969-12-31T23:59:59Z', `2026-01-01T00:00:00.${'0'.repeat(50)}Z`])(
    'of times refuse %s',
    (time) => {
      expect(timeSchema.safeParse(time).success).toBe(false);
      expect(timeWithOffsetSchema.safeParse(time).success).toBe(false);
    },
  );
});

describe('texts that people read', () => {
  const description = (value: string) => contracts.metadataSchema.safeParse({ description: value }).success;
  const hostName = (value: string) => contracts.hostNameSchema.safeParse(value).success;

  it.each(['\u202e', '\u2066', '\ufeff', '\u200b', '\u2028', '\n', '\u0007', '\u{e0041}'])(
    'hold no %j, which shows them otherwise than they are',
    (character) => {
      expect(description(`a${character}b`)).toBe(false);
      expect(contracts.metadataSchema.safeParse({ annotations: { note: character } }).success).toBe(false);
      expect(contracts.labelValueSchema.safeParse(`a${character}b`).success).toBe(false);
      expect(hostName(`a${character}b`)).toBe(false);
    },
  );

  it('hold what scripts are written with', () => {
    expect(description('می\u200cخواهم 👩\u200d💻 Zürich <b>')).toBe(true);
  });

  it('are names of hosts only where a path can name them', () => {
    for (const name of ['h', 'host-1.example.org', 'node_1', 'a'.repeat(253)]) expect(hostName(name)).toBe(true);
    for (const name of ['', '-a', 'a-', 'a b', 'a/b', '東京', 'a'.repeat(254)]) expect(hostName(name)).toBe(false);
  });
});

/** Every schema that the package exports, also those in tables by name. */
function exported(): [name: string, schema: z.ZodType][] {
  const below = (name: string, value: unknown): [string, z.ZodType][] => {
    if (value instanceof z.ZodType) return [[name, value]];
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([key, part]) => below(`${name}.${key}`, part));
  };
  return Object.entries(contracts).flatMap(([name, value]) => below(name, value));
}

/** The places below a schema that take more than any bound. */
function unboundedIn(schema: z.core.$ZodType, path: string): string[] {
  if (schema instanceof z.ZodObject) {
    return Object.entries(schema.shape).flatMap(([key, part]) => unboundedIn(part as z.ZodType, `${path}.${key}`));
  }
  if (schema instanceof z.ZodUnion) {
    return schema.options.flatMap((option, index) => unboundedIn(option, `${path}|${index}`));
  }
  if (schema instanceof z.ZodTuple) {
    return schema.def.items.flatMap((item, index) => unboundedIn(item, `${path}[${index}]`));
  }
  if (schema instanceof z.ZodArray) {
    return [...missingMaximum(schema, path), ...unboundedIn(schema.element, `${path}[]`)];
  }
  if (schema instanceof z.ZodRecord) return [path];
  if (schema instanceof z.ZodPipe) return ofPipe(schema, path);
  if (schema instanceof z.ZodString || schema instanceof z.ZodStringFormat) return ofText(schema, path);
  if (schema instanceof z.ZodNumber) return ofNumber(schema, path);
  if (schema instanceof z.ZodUnknown || schema instanceof z.ZodAny) return [path];
  const wrapped = 'innerType' in schema._zod.def ? (schema._zod.def.innerType as z.core.$ZodType) : undefined;
  if (wrapped !== undefined) return unboundedIn(wrapped, path);
  if (['enum', 'literal', 'boolean', 'null', 'undefined', 'never', 'transform'].includes(schema._zod.def.type))
    return [];
  throw new Error(`${path} is of a kind that this spec does not know: ${schema._zod.def.type}`);
}

function ofPipe(schema: z.ZodPipe, path: string): string[] {
  const { in: first, out } = schema.def;
  const isMap = first instanceof z.ZodTransform && out instanceof z.ZodRecord;
  if (!isMap) return first instanceof z.ZodTransform ? unboundedIn(out, path) : unboundedIn(first, path);
  if (z.globalRegistry.get(schema)?.['maxProperties'] === undefined) return [path];
  return [...unboundedIn(out.keyType, `${path}{key}`), ...unboundedIn(out.valueType, `${path}{}`)];
}

function missingMaximum(schema: z.ZodType, path: string): string[] {
  return Number.isSafeInteger(longestOf(schema)) ? [] : [path];
}

function ofNumber({ minValue, maxValue }: z.ZodNumber, path: string): string[] {
  const isBounded =
    (minValue ?? -Infinity) > Number.MIN_SAFE_INTEGER && (maxValue ?? Infinity) < Number.MAX_SAFE_INTEGER;
  return isBounded ? [] : [path];
}

/** A pattern bounds a text where it is of the whole text and repeats nothing without end. */
function ofText(schema: z.ZodType, path: string): string[] {
  if (Number.isSafeInteger(longestOf(schema))) return [];
  const patterns = checksOf(schema).flatMap(({ pattern }) => (pattern === undefined ? [] : [pattern]));
  const isBounded = patterns.some(({ source }) => {
    const bare = source.replace(/\\./g, 'x').replace(/\[[^\]]*\]/g, 'x');
    return /^\^.*\$$/.test(bare) && !bare.includes('|') && !/[*+]|,\}/.test(bare);
  });
  return isBounded ? [] : [path];
}

function longestOf(schema: z.ZodType): number {
  return Math.min(
    ...checksOf(schema).map(({ check, maximum = Infinity }) => (check === 'max_length' ? maximum : Infinity)),
  );
}

interface Check {
  readonly check: string;
  readonly maximum?: number;
  readonly pattern?: RegExp;
}

function checksOf(schema: z.ZodType): Check[] {
  return (schema.def.checks ?? []).map((one) => one._zod.def as unknown as Check);
}
