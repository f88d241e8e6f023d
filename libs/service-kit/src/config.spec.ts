import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { ConfigError, loadConfig, readSecret } from './config.js';

const schema = z.object({
  nats: z.strictObject({
    servers: z.array(z.string()).min(1),
    credentialsFile: z.string().optional(),
  }),
  leases: z.strictObject({ ttlMs: z.int().min(100).default(3000), isEnabled: z.boolean().default(true) }).prefault({}),
});

describe('loadConfig', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'drover-config-'));
    file = path.join(folder, 'drover.yaml');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('reads the file, then the environment, which wins', () => {
    writeFileSync(file, 'nats:\n  servers: [nats://a]\nleases:\n  ttlMs: 500\n');
    const env = {
      DROVER_CONFIG: file,
      DROVER_NATS_SERVERS: 'nats://b, nats://c',
      DROVER_NATS_CREDENTIALS_FILE: '/etc/x.creds',
      DROVER_LEASES_IS_ENABLED: 'false',
    };
    expect(loadConfig(schema, { env })).toEqual({
      nats: { servers: ['nats://b', 'nats://c'], credentialsFile: '/etc/x.creds' },
      leases: { ttlMs: 500, isEnabled: false },
    });
  });

  it('takes a unit for one word of a name', () => {
    const sizes = z.object({ simulated: z.strictObject({ poolMiB: z.int() }) });
    expect(loadConfig(sizes, { env: { DROVER_SIMULATED_POOL_MIB: '512' } })).toEqual({ simulated: { poolMiB: 512 } });
  });

  it('takes the hyphen of a key for the break between two words', () => {
    const files = z.object({ database: z.strictObject({ urlFiles: z.object({ 'vm-manager': z.string() }) }) });
    expect(loadConfig(files, { env: { DROVER_DATABASE_URL_FILES_VM_MANAGER: '/x' } })).toEqual({
      database: { urlFiles: { 'vm-manager': '/x' } },
    });
  });

  it('needs no file', () => {
    expect(loadConfig(schema, { env: { DROVER_NATS_SERVERS: 'nats://a' } }).leases.ttlMs).toBe(3000);
  });

  it('leaves sections of other services alone', () => {
    writeFileSync(file, 'nats:\n  servers: [nats://a]\nscheduler:\n  spread: 100\n');
    expect(loadConfig(schema, { file, env: {} }).nats.servers).toEqual(['nats://a']);
  });

  it('names key, source and remedy of everything that is wrong, and no values', () => {
    writeFileSync(file, 'nats:\n  servers: [nats://a]\n  pasword: hidden\n');
    const load = () => loadConfig(schema, { file, env: { DROVER_LEASES_TTL_MS: 'hidden-too' } });
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(
      /leases\.ttlMs \(from DROVER_LEASES_TTL_MS\): .*; set leases\.ttlMs in .*drover\.yaml, or DROVER_LEASES_TTL_MS/,
    );
    expect(load).toThrow(/nats \(.*drover\.yaml\): .*pasword/);
    expect(load).not.toThrow(/hidden/);
  });

  it('says what is missing when there is neither file nor environment', () => {
    expect(() => loadConfig(schema, { env: {} })).toThrow(
      /nats.* \(not set\): .*; set nats.* in the file that DROVER_CONFIG names, or DROVER_NATS/,
    );
  });

  it('says that the file cannot be read or is not YAML', () => {
    expect(() => loadConfig(schema, { file, env: {} })).toThrow(/cannot be read/);
    writeFileSync(file, 'nats: [');
    expect(() => loadConfig(schema, { file, env: {} })).toThrow(/is not YAML/);
  });

  it('reads secrets from files, and says which one is empty or missing', () => {
    writeFileSync(file, 's3cret\n');
    expect(readSecret(file)).toBe('s3cret');
    writeFileSync(file, '\n');
    expect(() => readSecret(file)).toThrow(/drover\.yaml is empty/);
    expect(() => readSecret(path.join(folder, 'none'))).toThrow(/none cannot be read/);
  });
});
