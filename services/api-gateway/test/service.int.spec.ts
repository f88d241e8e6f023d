import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { vmCommandSchemas, type CommandAccepted } from '@drover/contracts';
import { openPostgresEventStore, prepareStore, type PostgresEventStore } from '@drover/event-store';
import { answered, connectMessaging, readMessage, type NatsMessaging } from '@drover/messaging';
import { createMetrics, silentLogger } from '@drover/observability';
import { startService, type RunningService } from '@drover/service-kit';
import { startNats, startPostgres, type NatsServer, type PostgresServer } from '@drover/testing';
import { apiGatewayConfigSchema, apiGatewayService } from '../src/index.js';
import { began, FleetStory, operationIdOf, vmIdOf } from '../src/testing/index.js';

describe('api-gateway as a service, on real PostgreSQL and NATS', () => {
  let postgres: PostgresServer;
  let nats: NatsServer;
  let folder: string;
  let store: PostgresEventStore;
  let messaging: NatsMessaging;
  let service: RunningService;
  let url = '';

  beforeAll(async () => {
    [postgres, nats] = await Promise.all([startPostgres(), startNats({ jetstream: true })]);
    folder = await mkdtemp(path.join(tmpdir(), 'drover-gateway-'));
    await writeFile(path.join(folder, 'token'), 'the-token\n');
    const { urls } = await prepareStore({ ownerUrl: postgres.connectionString });
    await writeFile(path.join(folder, 'database-url'), urls['api-gateway']);
    const config = apiGatewayConfigSchema.parse({
      nats: { url: nats.url },
      database: { urlFiles: { 'api-gateway': path.join(folder, 'database-url') } },
      api: { port: 0, tokenFile: path.join(folder, 'token'), commandTimeoutMs: 1000 },
    });
    store = await openPostgresEventStore({ connectionString: postgres.connectionString });
    const deadLetters = store.deadLetters;
    messaging = await connectMessaging({ servers: nats.url, name: 'others', logger: silentLogger, deadLetters });
    service = await startService(apiGatewayService(config, { onListening: (listening) => (url = listening) }), {
      logger: silentLogger,
      metrics: createMetrics(),
    });
    while (!(await fetch(`${url}/readyz`)).ok) await new Promise((resolve) => setTimeout(resolve, 10));
  }, 60_000);
  afterAll(async () => {
    await service.stop();
    await messaging.drain();
    await store.close();
    await Promise.all([postgres.stop(), nats.stop()]);
    await rm(folder, { recursive: true });
  }, 30_000);

  const ask = (method: string, where: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetch(`${url}/api/v1${where}`, {
      method,
      headers: { authorization: 'Bearer the-token', 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  it('says that no service decides while no vm-manager listens', async () => {
    const answer = await ask('POST', '/vms', { name: 'a' });
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({ code: 'SERVICE_UNAVAILABLE', data: { outcome: 'not-applied' } });
  });

  it('carries a command to vm-manager, and its events to the client and to the outside', async () => {
    const outside = Promise.withResolvers<unknown>();
    const events = messaging.subscribe('drover.event.>', ({ subject, payload }) =>
      outside.resolve({ subject, payload }),
    );
    const story = new FleetStory(store);
    const commands = messaging.respond(
      'drover.command.vm.create',
      readMessage(vmCommandSchemas.create, async ({ name, spec, powerOn, projectId, actor }) => {
        expect(actor).toMatchObject({ kind: 'user', id: 'admin' });
        const operationId = operationIdOf(name);
        const vmId = vmIdOf(name);
        const { revision, position } = await story.onVm(
          vmId,
          { type: 'VmRequested', data: { vmId, projectId, name, spec, powerOn } },
          began(operationId, 'vm.create'),
        );
        return answered<CommandAccepted>({ subjectId: vmId, operationId, revision, position });
      }),
    );
    await messaging.flush();
    const created = await ask('POST', '/vms', { name: 'a' });
    expect(created.status).toBe(202);
    const position = created.headers.get('drover-position') ?? '';
    const read = await ask('GET', '/vms/a', undefined, { 'drover-position': position });
    expect(await read.json()).toMatchObject({ name: 'a', operation: { kind: 'vm.create' } });
    expect(await outside.promise).toMatchObject({
      subject: `drover.event.default.vm.${vmIdOf('a')}.VmRequested`,
      payload: { specversion: '1.0' },
    });
    await commands.stop();
    await events.stop();
  }, 20_000);

  it('builds its models anew as a role that may make no schema', async () => {
    for (const model of ['host', 'image', 'operation', 'strays', 'vm']) {
      expect((await ask('POST', `/admin/models/${model}/rebuild`)).status).toBe(202);
      const state = async () => {
        const seen = (await (await ask('GET', `/admin/models/${model}`)).json()) as { rebuild: { state: string } };
        return seen.rebuild.state;
      };
      while ((await state()) === 'RUNNING');
      expect(await state()).toBe('SUCCEEDED');
    }
    expect(await (await ask('GET', '/vms')).json()).toMatchObject({ items: [{ name: 'a' }] });
  });

  it('answers 503 while the database is gone, and again as before when it is back', async () => {
    await postgres.kill9();
    const refused = await ask('GET', '/vms');
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    await postgres.start();
    const back = await ask('GET', '/vms');
    expect(back.status).toBe(200);
    expect(await back.json()).toMatchObject({ items: [{ name: 'a' }] });
  }, 30_000);

  it('is not ready without NATS', async () => {
    await nats.kill9();
    while ((await fetch(`${url}/readyz`)).ok) await new Promise((resolve) => setTimeout(resolve, 10));
    expect((await ask('POST', '/vms', { name: 'b' })).status).toBe(503);
    expect((await ask('GET', '/vms')).status).toBe(200);
    await nats.start();
    while (!(await fetch(`${url}/readyz`)).ok) await new Promise((resolve) => setTimeout(resolve, 10));
  }, 30_000);
});
