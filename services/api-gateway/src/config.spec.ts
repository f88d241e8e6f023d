import { describe, expect, it } from '@jest/globals';
import { apiGatewayConfigSchema } from './config.js';

const withApi = (api: object) =>
  apiGatewayConfigSchema.safeParse({
    nats: { url: 'nats://127.0.0.1:4222' },
    database: { urlFiles: { 'api-gateway': '/x' } },
    api,
  });

describe('the address of the API', () => {
  it.each(['127.0.0.1', '127.8.0.1', '::1', 'localhost'])('may be %s, which no other machine reaches', (host) => {
    expect(withApi({ host }).success).toBe(true);
  });

  it.each(['0.0.0.0', '::', '10.0.0.1', 'api.example.org', '::ffff:10.0.0.1', ''])(
    'is refused as %j without an explicit word, naming the field',
    (host) => {
      expect(withApi({ host }).error?.issues).toMatchObject([
        { path: ['api', 'host'], message: expect.stringContaining('api.isPlainHttpAllowed') },
      ]);
      expect(withApi({ host, isPlainHttpAllowed: true }).success).toBe(true);
    },
  );
});
