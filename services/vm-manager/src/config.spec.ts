import { describe, expect, it } from '@jest/globals';
import { vmManagerConfigSchema } from './config.js';

describe('the configuration', () => {
  it('needs the bus, the database, and who signs for which fleet', () => {
    const config = vmManagerConfigSchema.parse({
      nats: { url: 'nats://127.0.0.1:4222' },
      database: { urlFiles: { 'vm-manager': '/x', scheduler: '/z' } },
      fleetId: '00000006-0000-7000-8000-000000000001',
      orders: { keyFile: '/y' },
    });
    expect(config).toMatchObject({
      subjectPrefix: 'drover',
      database: { urlFiles: { 'vm-manager': '/x' } },
      vmManager: { leaseTtlMs: 3_000, powerTimeoutMs: 120_000 },
    });
  });
});
