import { assertNever } from '@drover/domain-kit';
import { z } from 'zod';

type JsonSchema = z.core.JSONSchema.JSONSchema;
type Path = readonly (string | number)[];

/** A field of a body, found in its schema and in an example that has every field. */
export interface Field {
  readonly path: Path;
  readonly schema: JsonSchema;
}

export interface BadValue {
  readonly why: string;
  readonly value: unknown;
}

/** Every field, at every depth, that the schema knows; lists stand with their first item, maps with their first entry. */
export function fieldsOf(schema: z.ZodType, example: unknown): Field[] {
  return walk(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }), example, []);
}

function walk(schema: JsonSchema, example: unknown, path: Path): Field[] {
  const here: Field[] = path.length === 0 ? [] : [{ path, schema }];
  if (schema.anyOf !== undefined) {
    const fitting = schema.anyOf.find((one) => typeof one === 'object' && fits(one, example));
    return typeof fitting === 'object' ? [...here, ...walk(fitting, example, path).slice(here.length)] : here;
  }
  if (schema.type === 'object') {
    const record = isRecord(example) ? example : {};
    const named = Object.entries(schema.properties ?? {}).flatMap(([name, part]) =>
      typeof part === 'object' ? walk(part, record[name], [...path, name]) : [],
    );
    const [key] = Object.keys(record);
    const rest = schema.additionalProperties;
    const mapped = typeof rest === 'object' && key !== undefined ? walk(rest, record[key], [...path, key]) : [];
    return [...here, ...named, ...mapped];
  }
  if (schema.type === 'array' && typeof schema.items === 'object' && !Array.isArray(schema.items)) {
    return [...here, ...walk(schema.items, Array.isArray(example) ? example[0] : undefined, [...path, 0])];
  }
  return here;
}

function fits(schema: JsonSchema, example: unknown): boolean {
  if (schema.const !== undefined) return schema.const === example;
  if (!isRecord(example)) return schema.type !== 'object';
  return Object.keys(example).every((key) => schema.properties?.[key] !== undefined);
}

const injections = [`<b>&amp;"'`, `'; rm -rf / #`, '$(reboot)', '../../etc/passwd', 'a\nb', 'a\u0000b'];

/** Values that must be refused for a field of this kind: wrong types first, then what lies outside of its limits. */
export function badValuesFor({ schema }: Field): BadValue[] {
  const kind = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  const wrong: BadValue[] = [
    { why: 'null', value: null },
    ...(kind === 'string' ? [] : [{ why: 'a text', value: 'x<&' }]),
    ...(kind === 'integer' || kind === 'number' || isNumberUnion(schema) ? [] : [{ why: 'a number', value: 7.5 }]),
    ...(kind === 'boolean' ? [] : [{ why: 'a boolean', value: true }]),
    ...(kind === 'array' ? [] : [{ why: 'a list', value: [[]] }]),
    ...(kind === 'object' ? [] : [{ why: 'an object', value: { toString: 'x' } }]),
  ];
  switch (kind) {
    case 'integer':
    case 'number':
      return [
        ...wrong,
        { why: 'a fraction', value: 1.5 },
        { why: 'below the least', value: (schema.minimum ?? 0) - 1 },
        { why: 'above the most', value: (schema.maximum ?? Number.MAX_SAFE_INTEGER) + 1 },
        { why: 'far too large', value: 1e300 },
      ];
    case 'string':
      return [
        ...wrong,
        { why: 'too long', value: 'a'.repeat(20_000) },
        // Free text takes anything that a line can hold: what is no control character is escaped where it is used.
        ...injections
          .filter((text) => !isFreeText(schema) || /\p{Cc}/u.test(text))
          .map((value) => ({ why: `an injection ${JSON.stringify(value)}`, value })),
      ];
    case 'array':
      return [...wrong, { why: 'too many', value: Array.from({ length: 10_000 }, () => 0) }];
    case 'object':
      return [...wrong, { why: 'an unknown field', value: { 'no-such-field<': 1 } }];
    case 'boolean':
    case 'null':
    case undefined:
      return wrong;
    default:
      return assertNever(kind);
  }
}

function isNumberUnion(schema: JsonSchema): boolean {
  return schema.anyOf?.some((one) => typeof one === 'object' && typeof one.const === 'number') ?? false;
}

/** Text for people, such as a description: limited in length and to one line alone. */
function isFreeText(schema: JsonSchema): boolean {
  return schema.enum === undefined && schema.const === undefined && (schema.pattern ?? '').includes('\\p{Cc}');
}

/** A copy of the example with another value at the path. */
export function withValue(example: unknown, path: Path, value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(example))
    return example.map((item: unknown, index): unknown => (index === step ? withValue(item, rest, value) : item));
  const record = isRecord(example) ? example : {};
  return { ...record, [step]: withValue(record[step], rest, value) };
}

export function hasValue(example: unknown, path: Path): boolean {
  const [step, ...rest] = path;
  if (step === undefined) return example !== undefined;
  if (typeof example !== 'object' || example === null) return false;
  return hasValue((example as Record<string | number, unknown>)[step], rest);
}

export function pointerOf(path: Path): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
