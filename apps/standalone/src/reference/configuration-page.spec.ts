import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { apiGatewayConfigSchema } from '@drover/api-gateway';
import { errorCatalogue } from '@drover/contracts';
import { haManagerConfigSchema } from '@drover/ha-manager';
import { nodeAgentConfigSchema } from '@drover/node-agent';
import { schedulerConfigSchema } from '@drover/scheduler';
import { configKeysOf, processConfigSchema, variableName, type ConfigKey } from '@drover/service-kit';
import { vmManagerConfigSchema } from '@drover/vm-manager';
import { z, type ZodType } from 'zod';
import { credentialKeeperConfigSchema } from '../credential-keeper.service.js';

const page = new URL('../../../../docs/reference/configuration.md', import.meta.url);

const schemas: Record<string, ZodType> = {
  'api-gateway': apiGatewayConfigSchema,
  'vm-manager': vmManagerConfigSchema,
  scheduler: schedulerConfigSchema,
  'ha-manager': haManagerConfigSchema,
  'credential-keeper': credentialKeeperConfigSchema.extend(processConfigSchema.shape),
  'node-agent': nodeAgentConfigSchema,
};

interface Setting {
  readonly key: string;
  /** Absent inside a list, which a variable gives as a whole. */
  readonly variable?: string;
  readonly type: string;
  readonly normal: string;
  readonly meaning: string;
}

/** As JSON Schema has it, so that no kind of zod type is forgotten: a type without a name fails the spec. */
const jsonSchema = z.looseObject({
  type: z.string(),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  maxLength: z.number().optional(),
});

function typeOf(schema: ZodType, key: string): string {
  const json = jsonSchema.parse(z.toJSONSchema(schema, { io: 'input' }));
  if (json.enum !== undefined) return enumOf(json.enum);
  switch (json.type) {
    case 'integer':
    case 'number':
      return `${json.type}, ${rangeOf(json.minimum, json.maximum)}${unitOf(key)}`;
    case 'string':
      return json.maxLength === undefined ? 'text' : `text, at most ${json.maxLength} characters`;
    case 'boolean':
      return '`true`, `false`';
    case 'array':
      return 'list';
    case 'object':
      return 'map';
    default:
      throw new Error(`${key} has a type that the page does not know: ${JSON.stringify(json)}`);
  }
}

function enumOf(values: readonly string[]): string {
  if (values.every((value) => value in errorCatalogue)) return 'a code of [errors.md](errors.md)';
  return values.map((value) => `\`${value}\``).join(', ');
}

function rangeOf(least: number | undefined, most: number | undefined): string {
  if (most === undefined || most === Number.MAX_SAFE_INTEGER) return `at least ${least ?? 'any'}`;
  return `${least ?? 'any'} to ${most}`;
}

function unitOf(key: string): string {
  if (key.endsWith('Ms')) return ' ms';
  return key.endsWith('MiB') ? ' MiB' : '';
}

function normalOf({ declared, isOptional }: ConfigKey): string {
  if (declared instanceof z.ZodDefault) {
    const value: unknown = declared.def.defaultValue;
    return typeof value === 'string' ? `\`${value}\`` : `\`${JSON.stringify(value)}\``;
  }
  return isOptional ? '' : '**required**';
}

/** Settings under a service's own name are one row. */
const rowName = (path: readonly string[]) =>
  path.map((part, index) => (index > 0 && part in schemas ? '<service>' : part));

function settingsOf(schema: ZodType, within: readonly string[] = [], isListed = false): readonly Setting[] {
  return configKeysOf(schema).flatMap((declaration) => {
    const { path, declared, schema: inner } = declaration;
    const full = rowName([...within, ...path]);
    const key = full.join('.');
    const setting: Setting = {
      key,
      ...(isListed ? {} : { variable: variableName('DROVER', full) }),
      type: typeOf(inner, key),
      normal: normalOf(declaration),
      meaning: declared.description ?? inner.description ?? '',
    };
    if (!(inner instanceof z.ZodArray)) return [setting];
    const element = inner.element as ZodType;
    if (!(element instanceof z.ZodObject)) return [setting];
    const last = full.at(-1) ?? '';
    return [setting, ...settingsOf(element, [...full.slice(0, -1), `${last}[]`], true)];
  });
}

const readers = new Map<string, { setting: Setting; by: string[] }[]>();
for (const [service, schema] of Object.entries(schemas)) {
  for (const setting of settingsOf(schema)) {
    const section = setting.key.split(/[.[]/)[0] ?? '';
    const rows = readers.get(section) ?? [];
    readers.set(section, rows);
    const same = rows.find((row) => JSON.stringify(row.setting) === JSON.stringify(setting));
    if (same === undefined) rows.push({ setting, by: [service] });
    else same.by.push(service);
  }
}
const rows = [...readers.values()].flat();

function renderedPage(): string {
  const sections = [...readers].map(([section, settings]) => {
    const table = settings.map(({ setting: { key, variable, type, normal, meaning }, by }) => {
      const name = variable === undefined ? `\`${key}\`` : `\`${key}\`<br>\`${variable}\``;
      return `| ${name} | ${type} | ${normal} | ${meaning} | ${by.length === Object.keys(schemas).length ? 'all' : by.join(', ')} |`;
    });
    return `## ${section}

<!-- prettier-ignore -->
| Key, variable | Type, bounds, unit | Default | Meaning | Read by |
| --- | --- | --- | --- | --- |
${table.join('\n')}
`;
  });
  return `# Configuration

Every setting of the services and of the node agent. A process reads the YAML file that \`DROVER_CONFIG\` names, then its environment, which wins;
it does so once, at its start, and refuses to start with a value that is not allowed (exit status 78, one line per wrong key).

\`./drover up\` writes both files at each start, \`drover.yaml\` for the control plane and \`node-agent.yaml\` for the node agents, so give a setting
to \`up\` as a variable: \`DROVER_OVERCOMMIT_MEMORY_RATIO=1.5 ./drover up\`. It holds for as long as that \`up\` runs. A list in a variable is YAML
(\`'[{name: fast, path: /srv/fast}]'\`); a list of plain words may be separated by commas.

\`<service>\` stands for the name of the service that reads the key: \`nats.credentials.vm-manager.file\`, \`DROVER_NATS_CREDENTIALS_VM_MANAGER_FILE\`.
A file may serve several services: a service ignores sections that it does not know, and refuses keys that it does not know in most sections that it does.
What the launcher and the client read of the environment stands in [launcher.md](launcher.md) and [cli.md](cli.md).

${sections.join('\n')}
Made from the schemas of the services (\`src/config.ts\` of each); a test compares the two.
`;
}

describe('the page of settings', () => {
  it.each(rows.map(({ setting }) => setting.key))('says in a sentence what %s is for', (key) => {
    const meaning = rows.find(({ setting }) => setting.key === key)?.setting.meaning;
    expect(meaning).toMatch(/^[A-Z`].{15,}\.$/);
  });

  it('says the same of a key that several services read', () => {
    const keys = rows.map(({ setting }) => setting.key);
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
  });

  it('lists the settings as they are', () => {
    if (process.env['DROVER_UPDATE'] === '1') writeFileSync(page, renderedPage());
    expect(readFileSync(page, 'utf8')).toBe(renderedPage());
  });
});
