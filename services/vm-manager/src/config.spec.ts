import { describe, expect, it } from '@jest/globals';
import { vmManagerConfigSchema } from './config.js';

describe('the configuration', () => {
  it('needs the bus and the database and nothing else', () => {
    const config = vmManagerConfigSchema.parse({ nats: { url: 'nats://127.0.0.1:4222' }, database: { urlFile: '/x' } });
    expect(config).toMatchObject({
      subjectPrefix: 'drover',
      vmManager: { leaseTtlMs: 3_000, powerTimeoutMs: 120_000 },
    });
  });
});
