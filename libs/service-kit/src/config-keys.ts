import { z, type ZodType } from 'zod';

/** One setting: what stands below a section, or in a list of objects, and is no object itself. */
export interface ConfigKey {
  readonly path: readonly string[];
  /** With all that wraps it: default, optional, description. */
  readonly declared: ZodType;
  /** What is left without the wrapping. */
  readonly schema: ZodType;
  /** The key, or what it stands in, may be left out. */
  readonly isOptional: boolean;
}

/** Every setting of a schema, in the order of its declaration. */
export function configKeysOf(
  declared: ZodType,
  path: readonly string[] = [],
  isOptionalAbove = false,
): readonly ConfigKey[] {
  const schema = unwrap(declared);
  const isOptional = isOptionalAbove || declared instanceof z.ZodOptional;
  if (!(schema instanceof z.ZodObject)) return [{ path, declared, schema, isOptional }];
  return Object.entries(schema.shape).flatMap(([key, child]) =>
    configKeysOf(child as ZodType, [...path, key], isOptional),
  );
}

/** The environment variable that sets a key: `nats.credentialsFile` is `DROVER_NATS_CREDENTIALS_FILE`. */
export function variableName(prefix: string, path: readonly string[]): string {
  // A unit is one word, `memoryMiB` is `MEMORY_MIB`; a service's name has a hyphen, which no variable has.
  const words = path.map((key) =>
    key
      .replace(/MiB$/, 'Mib')
      .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
      .replaceAll('-', '_')
      .toUpperCase(),
  );
  return [prefix, ...words].join('_');
}

function unwrap(schema: ZodType): ZodType {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodReadonly
  ) {
    return unwrap(schema.def.innerType as ZodType);
  }
  return schema;
}
