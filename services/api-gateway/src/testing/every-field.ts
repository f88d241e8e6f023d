import { assertNever } from '@drover/domain-kit';
import { z } from 'zod';

type JsonSchema = z.core.JSONSchema.JSONSchema;
type Path = readonly (string | number)[];

/** A field of a body, found in its schema and in an example that has every field. */
export interface Field {
  readonly path: Path;
  readonly schema: JsonSchema;
  /** What the example has there; undefined where it lacks the field. */
  readonly example: unknown;
  readonly isRequired: boolean;
}

export interface BadValue {
  readonly why: string;
  /** Undefined: the field is left out. */
  readonly value: unknown;
}

/**
 * Every field, at every depth and of every shape, that the schema knows. Maps stand with their first entry, lists with their first
 * item of each shape.
 */
export function fieldsOf(schema: z.ZodType, example: unknown): Field[] {
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' });
  return below({ path: [], schema: root, example, isRequired: true });
}

function walk(field: Field): Field[] {
  return [field, ...below(field)];
}

function below({ path, schema, example }: Field): Field[] {
  if (schema.anyOf !== undefined) {
    return shapesOf(schema).flatMap((shape) =>
      below({ path, schema: shape, example: fits(shape, example) ? example : undefined, isRequired: false }),
    );
  }
  if (schema.type === 'object') {
    const record = isRecord(example) ? example : {};
    const named = Object.entries(schema.properties ?? {}).flatMap(([name, part]) => {
      const isRequired = schema.required?.includes(name) ?? false;
      if (typeof part !== 'object') return [];
      return walk({ path: [...path, name], schema: part, example: record[name], isRequired });
    });
    const [key] = Object.keys(record);
    const rest = schema.additionalProperties;
    if (typeof rest !== 'object' || key === undefined) return named;
    return [...named, ...walk({ path: [...path, key], schema: rest, example: record[key], isRequired: false })];
  }
  const { items } = schema;
  if (schema.type !== 'array' || typeof items !== 'object' || Array.isArray(items)) return [];
  const list: readonly unknown[] = Array.isArray(example) ? example : [];
  return shapesOf(items).flatMap((shape) => {
    const found = list.findIndex((item) => fits(shape, item));
    // Without an item of this shape its fields are still told of, at a place where the example has none.
    const index = found < 0 ? list.length : found;
    return walk({ path: [...path, index], schema: shape, example: list[index], isRequired: false });
  });
}

function shapesOf(schema: JsonSchema): readonly JsonSchema[] {
  return schema.anyOf?.filter((one) => typeof one === 'object') ?? [schema];
}

function fits(schema: JsonSchema, example: unknown): boolean {
  if (schema.const !== undefined) return schema.const === example;
  if (schema.type !== 'object') return !isRecord(example);
  return isRecord(example) && Object.keys(example).every((key) => schema.properties?.[key] !== undefined);
}

const injections = [`<b>&amp;"'`, `'; rm -rf / #`, '$(reboot)', '../../etc/passwd', 'a\nb', 'a\u0000b'];

/** Values that must be refused for a field of this kind: wrong types first, then what lies outside of its limits. */
export function badValuesFor(field: Field): BadValue[] {
  const { schema, isRequired } = field;
  const kind = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  const wrong: BadValue[] = [
    ...(isRequired ? [{ why: 'nothing', value: undefined }] : []),
    ...(shapesOf(schema).some((shape) => shape.type === 'null') ? [] : [{ why: 'null', value: null }]),
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
      return [...wrong, ...badTexts(field)];
    case 'array':
      return [
        ...wrong,
        ...((schema.minItems ?? 0) > 0 ? [{ why: 'an empty list', value: [] }] : []),
        { why: 'one too many', value: oneItemTooMany(field) },
        { why: 'too many', value: Array.from({ length: 10_000 }, () => 0) },
      ];
    case 'object':
      return [...wrong, { why: 'an unknown field', value: { 'no-such-field<': 1 } }, ...badKeys(field)];
    case 'boolean':
    case 'null':
    case undefined:
      return wrong;
    default:
      return assertNever(kind);
  }
}

function badTexts({ schema, example }: Pick<Field, 'schema' | 'example'>): BadValue[] {
  return [
    ...(accepts(schema, '') ? [] : [{ why: 'an empty text', value: '' }]),
    { why: 'one character too many', value: oneTooMany(schema, String(example)) },
    { why: 'too long', value: 'a'.repeat(20_000) },
    // Free text takes anything that a line can hold: what is no control character is escaped where it is used.
    ...injections
      .filter((text) => !isFreeText(schema) || /\p{Cc}/u.test(text))
      .map((value) => ({ why: `an injection ${JSON.stringify(value)}`, value })),
  ];
}

/** Entries of a map whose keys must be refused. */
function badKeys({ schema, example }: Field): BadValue[] {
  const { propertyNames } = schema;
  const [entry] = Object.entries(isRecord(example) ? example : {});
  if (typeof propertyNames !== 'object' || entry === undefined) return [];
  const [key, value] = entry;
  return badTexts({ schema: propertyNames, example: key }).map((bad) => ({
    why: `as a key ${bad.why}`,
    value: { [String(bad.value)]: value },
  }));
}

/** The example made longer until it is the first that is refused. */
function oneTooMany(schema: JsonSchema, example: string): string {
  const longest = example.padEnd(schema.maxLength ?? 0, 'a');
  let text = accepts(schema, longest) ? longest : example;
  while (accepts(schema, text)) {
    if (text.length > 20_000) throw new Error(`a text such as ${example} has no limit`);
    text += 'a';
  }
  return text;
}

function oneItemTooMany({ path, schema, example }: Field): unknown[] {
  if (schema.maxItems === undefined) throw new Error(`the list ${pointerOf(path)} has no limit`);
  const items: readonly unknown[] = Array.isArray(example) ? example : [];
  return Array.from({ length: schema.maxItems + 1 }, () => items[0]);
}

function accepts(schema: JsonSchema, text: string): boolean {
  if (schema.const !== undefined) return schema.const === text;
  if (schema.enum !== undefined) return schema.enum.includes(text);
  const { minLength = 0, maxLength = Infinity } = schema;
  const patterns = [schema, ...(schema.allOf ?? [])].flatMap((one) =>
    typeof one === 'object' && one.pattern !== undefined ? [new RegExp(one.pattern, 'u')] : [],
  );
  return text.length >= minLength && text.length <= maxLength && patterns.every((pattern) => pattern.test(text));
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

export function pointerOf(path: Path): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
