import { describe, expect, it } from '@jest/globals';
import { createHealth } from './health.js';

describe('health', () => {
  it('is ready only while every check is ok, and says which is not', async () => {
    const health = createHealth('scheduler', 20);
    health.addCheck('nats', () => ({ isOk: true }));
    expect(await health.ready()).toEqual({ isOk: true, service: 'scheduler', checks: { nats: { isOk: true } } });
    health.addCheck('store', () => Promise.reject(new Error('connection refused')));
    expect(await health.ready()).toMatchObject({
      isOk: false,
      checks: { nats: { isOk: true }, store: { isOk: false, detail: 'connection refused' } },
    });
    expect(health.live().isOk).toBe(true);
  });

  it('counts a check that hangs as failed', async () => {
    const health = createHealth('scheduler', 5);
    health.addCheck('store', () => new Promise(() => undefined));
    expect((await health.ready()).checks['store']).toEqual({ isOk: false, detail: 'no answer within 5 ms' });
  });

  it('is neither alive nor ready once the service has failed', async () => {
    const health = createHealth('scheduler');
    health.fail('unknown event type');
    expect(health.live()).toMatchObject({ isOk: false, checks: { process: { detail: 'unknown event type' } } });
    expect((await health.ready()).isOk).toBe(false);
  });
});
