import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { z, type ZodType } from 'zod';
import { configKeysOf, variableName } from './config-keys.js';

export interface ConfigSources {
  /** YAML. By default what the environment's `DROVER_CONFIG` names; without that no file is read. */
  readonly file?: string;
  /** `process.env` by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** `DROVER` by default. */
  readonly envPrefix?: string;
}

/** What is wrong with the configuration: one line per key, with its source and the remedy, and no values. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Configuration from a YAML file, then from the environment, which wins: `nats.credentialsFile` is
 * `DROVER_NATS_CREDENTIALS_FILE`. Checked once, at start.
 *
 * A file may serve several services: top-level sections that the schema does not name are left to the others. Inside a
 * section, use strict objects, so that a misspelt key is an error. Secrets are named by files: see `readSecret`.
 */
export function loadConfig<Config>(schema: ZodType<Config>, sources: ConfigSources = {}): Config {
  const env = sources.env ?? process.env;
  const prefix = sources.envPrefix ?? 'DROVER';
  const file = sources.file ?? env[`${prefix}_CONFIG`];
  const sections = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  const given = file === undefined ? {} : readYaml(file);
  const input: Record<string, unknown> = {};
  for (const section of sections) if (given[section] !== undefined) input[section] = structuredClone(given[section]);

  const fromEnv = new Map<string, string>();
  for (const leaf of configKeysOf(schema)) {
    const variable = variableName(prefix, leaf.path);
    const text = env[variable];
    if (text === undefined) continue;
    setAt(input, leaf.path, valueOf(leaf.schema, text));
    fromEnv.set(leaf.path.join('.'), variable);
  }

  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => {
    const path = issue.path.map(String);
    const variable = [...fromEnv].find(([key]) => path.join('.').startsWith(key))?.[1];
    const remedy = `set ${path.join('.')} in ${file ?? `the file that ${prefix}_CONFIG names`}, or ${variableName(prefix, path)}`;
    const source = variable === undefined ? (file ?? 'not set') : `from ${variable}`;
    return `${path.join('.') || 'configuration'} (${source}): ${issue.message}; ${remedy}`;
  });
  throw new ConfigError(`the configuration is not usable:\n${lines.map((line) => `  ${line}`).join('\n')}`);
}

/** The secret in a file, without the newline at its end. */
export function readSecret(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trimEnd();
  } catch (cause) {
    throw new ConfigError(`the secret file ${file} cannot be read; check that it exists and who may read it`, {
      cause,
    });
  }
  if (text === '') throw new ConfigError(`the secret file ${file} is empty; write the secret into it`);
  return text;
}

const sectionSchema = z.record(z.string(), z.unknown());

function readYaml(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`the configuration file ${file} cannot be read; check DROVER_CONFIG and who may read it`, {
      cause,
    });
  }
  let parsed: unknown;
  try {
    parsed = parseYaml(text);
  } catch (cause) {
    throw new ConfigError(`the configuration file ${file} is not YAML: ${messageOf(cause)}`, { cause });
  }
  const sections = sectionSchema.safeParse(parsed ?? {});
  if (sections.success) return sections.data;
  throw new ConfigError(`the configuration file ${file} must hold sections, such as "nats:"`);
}

/** The environment knows only text: what the schema does not take as such is read as YAML, or as a list with commas. */
function valueOf(schema: ZodType, text: string): unknown {
  if (schema.safeParse(text).success) return text;
  if (schema instanceof z.ZodArray && !text.trimStart().startsWith('[')) {
    return text.split(',').map((item) => item.trim());
  }
  try {
    return parseYaml(text) as unknown;
  } catch {
    // Not YAML either: the schema says what it wants instead.
    return text;
  }
}

function setAt(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let at = target;
  for (const key of path.slice(0, -1)) {
    const next = sectionSchema.safeParse(at[key]);
    at = at[key] = next.success ? next.data : {};
  }
  at[path.at(-1) ?? ''] = value;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
