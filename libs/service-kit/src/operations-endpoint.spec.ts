import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createMetrics } from '@drover/observability';
import { createHealth, type Health } from './health.js';
import { serveOperations, type OperationsEndpoint } from './operations-endpoint.js';

describe('the endpoint for monitors', () => {
  let endpoint: OperationsEndpoint;
  let services: Health[];
  let nowMs: number;

  beforeEach(async () => {
    services = [createHealth('scheduler')];
    const metrics = createMetrics();
    metrics.observe('drover_scheduler_hosts', () => 3);
    nowMs = 0;
    endpoint = await serveOperations({
      ...{ host: '127.0.0.1', port: 0, metrics, health: () => services, requestTimeoutMs: 500 },
      clock: { epochMs: () => 0, monotonicMs: () => nowMs },
    });
  });
  afterEach(() => endpoint.close());

  const ask = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${endpoint.port}${path}`, { method });

  it('gives the metrics as Prometheus reads them', async () => {
    const response = await ask('/metrics');
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4');
    expect(await response.text()).toContain('drover_scheduler_hosts 3');
  });

  it('is ready when every service is, and says which check failed', async () => {
    services.push(createHealth('vm-manager'));
    expect((await ask('/readyz')).status).toBe(200);
    services[1]?.addCheck('nats', () => ({ isOk: false, detail: 'closed' }));
    nowMs = 1_000;
    const response = await ask('/readyz');
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      isOk: false,
      services: [{ isOk: true }, { service: 'vm-manager', checks: { nats: { detail: 'closed' } } }],
    });
    expect((await ask('/livez')).status).toBe(200);
  });

  it('asks what a service stands on once a second, however often it is asked itself', async () => {
    let looks = 0;
    services[0]?.addCheck('store', () => ({ isOk: true, detail: `look ${(looks += 1)}` }));
    for (let index = 0; index < 20; index += 1) expect((await ask('/readyz')).status).toBe(200);
    expect(looks).toBe(1);
  });

  it('closes connections that say nothing, and answers the next', async () => {
    const silent = Array.from({ length: 32 }, () => connect(endpoint.port, '127.0.0.1'));
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    await Promise.all(silent.map((socket) => once(socket.resume(), 'close')));
    expect((await ask('/livez')).status).toBe(200);
  });

  it('is not alive when a service must be restarted, and not before the first one works', async () => {
    services[0]?.fail('the store belongs to another fleet');
    expect((await ask('/livez')).status).toBe(503);
    services = [];
    expect((await ask('/livez')).status).toBe(503);
  });

  it('changes nothing and has nothing else', async () => {
    expect((await ask('/metrics', 'POST')).status).toBe(405);
    const response = await ask('/secrets');
    expect([response.status, await response.text()]).toEqual([404, 'there are /metrics, /livez and /readyz\n']);
  });
});
