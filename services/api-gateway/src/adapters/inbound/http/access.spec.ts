import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Logger } from '@drover/observability';
import { silentLogger } from '@drover/observability';
import { createMemoryGateway, READER_TOKEN, type MemoryGateway } from '../../../testing/memory-gateway.js';

describe('access', () => {
  let gateway: MemoryGateway;
  const lines: [message: string, fields: unknown][] = [];
  const logger: Logger = { ...silentLogger, warn: (message, fields) => void lines.push([message, fields]) };

  beforeEach(async () => {
    lines.length = 0;
    gateway = await createMemoryGateway(logger);
  });
  afterEach(() => gateway.stop());

  const post = (authorization: string | undefined, payload: string) =>
    gateway.app.inject({
      method: 'POST',
      url: '/api/v1/vms',
      payload,
      headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
    });

  it.each([
    ['without a token', undefined, 401, 'UNAUTHENTICATED'],
    ['with an unknown one', 'Bearer stranger', 401, 'UNAUTHENTICATED'],
    ['without the permission', `Bearer ${READER_TOKEN}`, 403, 'FORBIDDEN'],
  ] as const)('is refused %s before the body is looked at', async (_what, authorization, status, code) => {
    for (const body of ['no JSON', 'x'.repeat(2_000_000), '{}']) {
      const answer = await post(authorization, body);
      expect(answer.statusCode).toBe(status);
      expect(answer.json()).toMatchObject({ code });
    }
  });

  it('that was refused is in the log, with who or from where, and not oftener than a log can bear', async () => {
    await post(`Bearer ${READER_TOKEN}`, '{}');
    for (let count = 0; count < 100; count += 1) await post('Bearer guess', '{}');
    expect(lines[0]).toEqual([
      'refused a request for want of a token or permission',
      expect.objectContaining({ code: 'FORBIDDEN', principal: 'reader', address: '127.0.0.1', route: '/api/v1/vms' }),
    ]);
    expect(lines[1]?.[1]).toMatchObject({ code: 'UNAUTHENTICATED', address: '127.0.0.1' });
    expect(JSON.stringify(lines)).not.toContain('guess');
    expect(lines.length).toBeLessThan(50);
  });

  it('to health is open, and tells strangers which part is not well and nothing more', async () => {
    const stranger = await gateway.app.inject({ method: 'GET', url: '/readyz' });
    expect(stranger.statusCode).toBe(200);
    expect(stranger.body).not.toContain('detail');
    expect((await gateway.ask({ method: 'GET', url: '/readyz' })).body).toContain('a detail of the spec');
  });
});
