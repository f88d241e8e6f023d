import { z } from 'zod';

/**
 * The same schema for a reader of what another release wrote: fields that this one does not know are dropped instead of refused,
 * however deep they stand. All else is checked as before.
 *
 * For reports and answers, which say what is so. An order with an unknown field is refused: it may change what is to be done.
 */
export function loosely<Schema extends z.ZodType>(schema: Schema): Schema {
  return loosened(schema) as unknown as Schema;
}

type Definition = z.core.$ZodTypeDef & Record<string, unknown>;

const cache = new WeakMap<z.core.$ZodType, z.core.$ZodType>();

function loosened(schema: z.core.$ZodType): z.core.$ZodType {
  let known = cache.get(schema);
  if (known === undefined) cache.set(schema, (known = made(schema)));
  return known;
}

function made(schema: z.core.$ZodType): z.core.$ZodType {
  const definition = schema._zod.def as Definition;
  const changes: Record<string, unknown> = {};
  if (definition.type === 'object') {
    const shape = definition['shape'] as Readonly<Record<string, z.core.$ZodType>>;
    changes['shape'] = Object.fromEntries(Object.entries(shape).map(([name, field]) => [name, loosened(field)]));
    changes['catchall'] = undefined;
  }
  for (const part of ['element', 'innerType', 'valueType', 'in', 'out'] as const) {
    const inner = definition[part];
    if (isSchema(inner)) changes[part] = loosened(inner);
  }
  if (Array.isArray(definition['options'])) {
    changes['options'] = (definition['options'] as readonly z.core.$ZodType[]).map(loosened);
  }
  if (Object.keys(changes).length === 0) return schema;
  return z.core.clone(schema, { ...definition, ...changes });
}

function isSchema(value: unknown): value is z.core.$ZodType {
  return typeof value === 'object' && value !== null && '_zod' in value;
}
