import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  errors,
  eventIdSchema,
  modelListSchema,
  rejected,
  vmIdSchema,
  vmResourceSchema,
  operationResourceSchema,
  vmWriteAnswerSchema,
} from '@drover/contracts';
import { startPostgres, type PostgresServer } from '@drover/testing';
import { operationIdOf, takeVmCommands } from '../src/testing/index.js';
import { READER, startGatewayFixture, type GatewayFixture } from './gateway.fixture.js';

describe('the API on a real read model', () => {
  let postgres: PostgresServer;
  let gateway: GatewayFixture;
  let count = 0;

  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    gateway = await startGatewayFixture(await postgres.createDatabase(`gateway${(count += 1)}`));
  });
  afterEach(() => gateway.stop());

  /** The newest position: reads that name it see all that was told. */
  const now = async () => ({ 'drover-position': await gateway.store.head() });

  it('creates a VM and lets its client read it at once', async () => {
    takeVmCommands(gateway.commands, gateway.story);
    const created = await gateway.request('POST', '/api/v1/vms', { name: 'a', spec: { labels: { tier: 'web' } } });
    expect(created.status).toBe(202);
    expect(vmWriteAnswerSchema.safeParse(created.body).error).toBeUndefined();
    expect(created.headers.get('location')).toBe(
      `/api/v1/operations/${created.body['operation']?.['id'] as unknown as string}`,
    );
    const position = created.headers.get('drover-position') ?? '';
    const read = await gateway.request('GET', '/api/v1/vms/a', undefined, { 'drover-position': position });
    expect(read.status).toBe(200);
    expect(vmResourceSchema.safeParse(read.body).error).toBeUndefined();
    expect(read.body).toMatchObject({
      name: 'a',
      desired: { powerState: 'RUNNING' },
      operation: { kind: 'vm.create' },
    });
    const operation = await gateway.request('GET', created.headers.get('location') ?? '');
    expect(operationResourceSchema.safeParse(operation.body).error).toBeUndefined();
    expect(operation.body).toMatchObject({ state: 'RUNNING', subject: { kind: 'vm', name: 'a' } });
  });

  it('finds a VM by its name right after the create, without being told the position', async () => {
    takeVmCommands(gateway.commands, gateway.story);
    await gateway.request('POST', '/api/v1/vms', { name: 'a' });
    expect((await gateway.request('POST', '/api/v1/vms/a/stop', { mode: 'force' })).status).toBe(202);
    expect(gateway.commands.sent[1]).toMatchObject({
      subject: 'vm.stop',
      message: { mode: 'force', gracePeriodMs: 60_000 },
    });
  });

  it('waits for the end of an operation and answers its final state', async () => {
    takeVmCommands(gateway.commands, gateway.story);
    const hostId = await gateway.story.host('h1');
    const waiting = gateway.request('POST', '/api/v1/vms?wait=20s', { name: 'a' });
    await until(() => gateway.commands.sent.length === 1);
    const listed = await until(async () => {
      const page = await gateway.request('GET', '/api/v1/operations?open=true', undefined, await now());
      return page.body['items']?.[0];
    });
    const operationId = listed['id'] as unknown as ReturnType<typeof operationIdOf>;
    const vmId = listed['subject']?.['id'] as unknown as Parameters<typeof gateway.story.onVm>[0];
    await gateway.story.placed(vmId, hostId);
    await gateway.story.onVm(
      vmId,
      { type: 'VmStarted', data: { ...gateway.story.seen(hostId), cause: 'user' } },
      { type: 'OperationSucceeded', data: { operationId } },
    );
    const answer = await waiting;
    expect(answer.status).toBe(200);
    expect(vmWriteAnswerSchema.safeParse(answer.body).error).toBeUndefined();
    expect(answer.body).toMatchObject({
      operation: { state: 'SUCCEEDED' },
      vm: { observed: { powerState: 'RUNNING' } },
    });
  });

  it('answers 202 with the operation still running when the wait is over', async () => {
    takeVmCommands(gateway.commands, gateway.story);
    const answer = await gateway.request('POST', '/api/v1/vms?wait=3s', { name: 'a' });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ operation: { state: 'RUNNING', endedAt: null } });
  });

  it('answers 503 NOT_YET rather than stale data', async () => {
    // No replica projects while this is held.
    await gateway.database.exclusively('drover_vm', async () => {
      await gateway.story.requested('a');
      const answer = await gateway.request('GET', '/api/v1/vms', undefined, await now());
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toBe('1');
      expect(answer.body).toMatchObject({ code: 'NOT_YET' });
    });
    expect((await gateway.request('GET', '/api/v1/vms', undefined, await now())).status).toBe(200);
  }, 20_000);

  it('answers 400 with what to do to a read that knows more than the store has', async () => {
    const answer = await gateway.request('GET', '/api/v1/vms', undefined, { 'drover-position': '999999' });
    expect(answer.status).toBe(400);
    const detail: unknown = expect.stringContaining('may have been restored');
    expect(answer.body).toMatchObject({ code: 'INVALID_FIELD', field: 'drover-position', detail });
  }, 20_000);

  it('gives the same command for the same key, and another principal another one', async () => {
    takeVmCommands(gateway.commands, gateway.story);
    const keyed = { 'idempotency-key': 'k1' };
    await gateway.request('POST', '/api/v1/vms', { name: 'a' }, keyed);
    await gateway.request('POST', '/api/v1/vms', { name: 'b' }, keyed);
    await gateway.request('POST', '/api/v1/vms', { name: 'c' });
    const ids = gateway.commands.sent.map(({ message }) => 'commandId' in message && message.commandId);
    expect(ids[0]).toBe(ids[1]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it('passes on what the deciding service refuses', async () => {
    const vmId = vmIdSchema.parse('00000000-0000-4000-8000-000000000001');
    gateway.commands.respond = () => rejected(errors.VM_NAME_TAKEN('a is taken', { field: '/name', data: { vmId } }));
    const answer = await gateway.request('POST', '/api/v1/vms', { name: 'a' });
    expect(answer.status).toBe(409);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body).toMatchObject({
      code: 'VM_NAME_TAKEN',
      field: '/name',
      data: { vmId },
      detail: 'a is taken',
    });
  });

  it('shows the state as of any moment and the events that led to it', async () => {
    const hostId = await gateway.story.host('h1');
    const vmId = await gateway.story.running('a', hostId);
    const [, , , started] = await gateway.store.read(`vm-${vmId}`);
    await untilClockPasses(started?.recordedAt ?? '');
    await gateway.story.onVm(vmId, {
      type: 'VmStopped',
      data: { ...gateway.story.seen(hostId), cause: 'guest', wasForced: false },
    });
    const current = await gateway.request('GET', '/api/v1/vms/a', undefined, await now());
    expect(current.body).toMatchObject({ observed: { powerState: 'STOPPED', cause: 'guest' } });
    expect(current.body['drift']?.[0]).toMatchObject({ kind: 'power' });
    const then = await gateway.request('GET', `/api/v1/vms/a?at=${started?.recordedAt ?? ''}`);
    expect(then.body).toMatchObject({ observed: { powerState: 'RUNNING' }, drift: [], revision: 4 });
    expect((await gateway.request('GET', '/api/v1/vms/a?at=2001-01-01T00:00:00Z')).body).toMatchObject({
      code: 'VM_NOT_FOUND',
    });
    const history = await gateway.request('GET', '/api/v1/vms/a/history?limit=3');
    expect(history.body['next']).toBe(2);
    const rest = await gateway.request('GET', '/api/v1/vms/a/history?limit=3&after=2');
    expect(
      [
        ...(history.body['items'] as unknown as { type: string }[]),
        ...(rest.body['items'] as unknown as { type: string }[]),
      ].map(({ type }) => type),
    ).toEqual(['VmRequested', 'OperationBegan', 'VmPlaced', 'VmStarted', 'OperationSucceeded', 'VmStopped']);

    await gateway.story.onVm(vmId, { type: 'VmDeleted', data: {} });
    const ofDeleted = await gateway.request('GET', '/api/v1/vms/a/history', undefined, await now());
    expect((ofDeleted.body['items'] as unknown as { type: string }[]).at(-1)?.type).toBe('VmDeleted');
    expect((await gateway.request('GET', '/api/v1/vms/a', undefined, await now())).status).toBe(404);
  });

  it('keeps figures true through starts, moves and deletes', async () => {
    const h1 = await gateway.story.host('h1');
    const h2 = await gateway.story.host('h2');
    const a = await gateway.story.running('a', h1, { cpu: { cores: 2 }, memory: { sizeMiB: 256 } });
    await gateway.story.running('b', h2);
    await gateway.story.requested('c');
    await gateway.story.onHost(h2, { type: 'HostCordoned', data: { hostId: h2, by: 'user' } });
    const stats = await gateway.request('GET', '/api/v1/cluster/stats', undefined, await now());
    expect(stats.body).toEqual({
      hosts: { total: 2, alive: 2, suspected: 0, cordoned: 1 },
      vms: { total: 3, observed: { RUNNING: 2, UNKNOWN: 1 }, desired: { RUNNING: 3 }, strays: 0 },
      allocated: { vms: 3, running: 2, vcpus: 4, memoryMiB: 512 },
      capacity: { cpus: 16, memoryMiB: 30_720 },
      operations: { open: 1 },
    });
    await gateway.story.onVm(a, { type: 'VmDeleted', data: {} });
    const distribution = await gateway.request('GET', '/api/v1/cluster/distribution', undefined, await now());
    expect(distribution.body['items']).toMatchObject([
      { name: 'h1', allocated: { vms: 0 } },
      { name: 'h2', isCordoned: true, allocated: { vms: 1, running: 1, vcpus: 1, memoryMiB: 128 } },
    ]);
  });

  it('shows progress that was heard of, until the operation ends', async () => {
    await gateway.story.requested('a');
    gateway.commands.progress({ operationId: operationIdOf('a'), percent: 40, text: 'copying' });
    const path = `/api/v1/operations/${operationIdOf('a')}`;
    const during = await gateway.request('GET', path, undefined, await now());
    expect(during.body).toMatchObject({ state: 'RUNNING', progress: { percent: 40, text: 'copying' } });
  });

  it('lets a bearer do what his permissions say, and a stranger nothing', async () => {
    const as = (authorization: string) => gateway.request('GET', '/api/v1/vms', undefined, { authorization });
    expect((await as(`Bearer ${READER}`)).status).toBe(200);
    expect(await as('Bearer stranger')).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
    expect((await as('')).status).toBe(401);
    const refused = await gateway.request('POST', '/api/v1/vms', { name: 'a' }, { authorization: `Bearer ${READER}` });
    expect(refused).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    expect(gateway.commands.sent).toEqual([]);
  });

  it('tells health without a token and serves its documentation', async () => {
    const probe = await fetch(`${gateway.url}/healthz`);
    expect(probe.status).toBe(200);
    await until(async () => (await fetch(`${gateway.url}/readyz`)).status === 200);
    const document = await gateway.request('GET', '/api/openapi.json');
    expect(document.body).toMatchObject({ openapi: '3.1.0', paths: { '/api/v1/vms/{vm}': {} } });
    const page = await fetch(`${gateway.url}/api/docs`);
    expect(page.status).toBe(200);
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('stays ready, says what is not shown, and goes on, when an event cannot be projected', async () => {
    await gateway.story.requested('a');
    await gateway.request('GET', '/api/v1/vms', undefined, await now());
    // A known event in a stream that no VM can have.
    await gateway.store.append('vm-stranger', 'any', [
      {
        id: eventIdSchema.parse('0199c4e2-0000-7000-8000-00000000000b'),
        type: 'VmStarted',
        schemaVersion: 1,
        data: {},
        meta: { at: '2026-01-01T00:00:00.000Z', actor: { kind: 'service', id: 'spec' } },
      },
    ]);
    await gateway.story.requested('b');
    const { body } = await gateway.request('GET', '/api/v1/vms', undefined, await now());
    expect(body['items']).toMatchObject([{ name: 'a' }, { name: 'b' }]);
    await until(async () => {
      const report = await gateway.request('GET', '/readyz');
      expect(report.status).toBe(200);
      return JSON.stringify(report.body).includes('vm-stranger since position 3 (VmStarted)');
    });
    const stranger = (await (await fetch(`${gateway.url}/readyz`)).json()) as Record<string, unknown>;
    expect(JSON.stringify(stranger)).not.toMatch(/detail|position/);
    expect(stranger).toMatchObject({ isOk: true, checks: { 'read model vm': { isOk: true } } });
  });

  it('names its models, and refuses one that it has not', async () => {
    const { body } = await gateway.request('GET', '/api/v1/admin/models', undefined, await now());
    const items = body['items'] as unknown as { name: string }[];
    expect(items.map(({ name }) => name).sort()).toEqual(['host', 'image', 'operation', 'strays', 'vm']);
    expect(modelListSchema.safeParse(body).error).toBeUndefined();
    for (const [method, path] of [
      ['GET', '/api/v1/admin/models/nothing'],
      ['POST', '/api/v1/admin/models/nothing/rebuild'],
    ] as const) {
      const refused = await gateway.request(method, path);
      expect(refused.status).toBe(400);
      expect(refused.body).toMatchObject({ code: 'INVALID_FIELD', field: '{model}' });
    }
  });

  it('answers what one model alone can tell while another is held up, and nothing that needs that one', async () => {
    await gateway.story.running('a', await gateway.story.host('h1'));
    await gateway.request('GET', '/api/v1/vms', undefined, await now());
    const rename = (from: string, to: string) =>
      gateway.database.exclusively('spec', (sql) => sql.query(`ALTER TABLE ${from} RENAME TO ${to}`), 'drover_host');
    await rename('host', 'elsewhere');
    await gateway.story.host('h2');
    await gateway.story.requested('b');
    const vms = await gateway.request('GET', '/api/v1/vms', undefined, await now());
    expect(vms.body['items']).toMatchObject([{ name: 'a' }, { name: 'b' }]);
    expect((await gateway.request('GET', '/api/v1/hosts', undefined, await now())).status).toBe(503);
    expect((await gateway.request('GET', '/readyz')).body).toMatchObject({
      isOk: false,
      checks: { 'read model host': { isOk: false }, 'read model vm': { isOk: true } },
    });
    await rename('elsewhere', 'host');
    const hosts = await gateway.request('GET', '/api/v1/hosts', undefined, await now());
    expect(hosts.body['items']).toMatchObject([{ name: 'h1' }, { name: 'h2' }]);
  }, 30_000);

  it('rebuilds one model on request, and no other', async () => {
    const h1 = await gateway.story.host('h1');
    await gateway.story.running('a', h1);
    const before = await gateway.request('GET', '/api/v1/vms', undefined, await now());
    const rebuildOf = async (model: string) =>
      (await gateway.request('GET', `/api/v1/admin/models/${model}`)).body['rebuild'] as unknown as { state: string };
    expect((await gateway.request('POST', '/api/v1/admin/models/vm/rebuild')).status).toBe(202);
    const status = await until(async () => {
      const rebuild = await rebuildOf('vm');
      return rebuild.state === 'RUNNING' ? undefined : rebuild;
    });
    // The events of the VM; the host's are of another model.
    expect(status).toMatchObject({ model: 'vm', state: 'SUCCEEDED', projected: 5, total: 5 });
    expect(await rebuildOf('host')).toMatchObject({ state: 'NEVER' });
    expect((await gateway.request('GET', '/api/v1/vms', undefined, await now())).body).toEqual(before.body);
  });
});

async function until<Value>(look: () => Promise<Value | undefined> | Value | undefined): Promise<Value> {
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The store's times are in milliseconds: what comes next is to have a later one. */
async function untilClockPasses(time: string): Promise<void> {
  await until(() => Date.now() > Date.parse(time) + 1);
}
