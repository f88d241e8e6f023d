import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type {
  ExplainAnswer,
  HostResource,
  ModelStatus,
  OperationResource,
  VmResource,
  VmWriteAnswer,
} from '@drover/contracts';
import { processMemoryMiB } from '@drover/fleet-model';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, credsAuthenticator } from '@nats-io/transport-node';
import { domainsOf, Fleet, FleetStream, type FleetApi, type FleetService } from '@drover/testing';

const HOSTS = 4;

describe('the main job, by REST on four simulated hosts', () => {
  let fleet: Fleet;
  let api: FleetApi;

  beforeAll(async () => {
    fleet = await Fleet.start({ hypervisor: 'simulated', hosts: HOSTS });
    api = fleet.api;
  }, 120_000);
  afterAll(() => fleet?.stop());

  const typesOf = async (name: string) => (await api.history(name)).map((event) => event.type);
  const domainOf = async (name: string) => {
    const { id } = await api.vm(name);
    return domainsOf(fleet.home).filter((domain) => domain.uuid === id);
  };

  /** The line of a part's log that a person would look for by the trace. */
  const lineOf = (part: FleetService, traceId: string) =>
    api.until(`${part} has written of ${traceId}`, async () => {
      const log = await readFile(path.join(fleet.home.logFolder, `${part}.log`), 'utf8');
      const line = log.split('\n').find((text) => text.includes(`"traceId":"${traceId}"`));
      return line === undefined ? undefined : (JSON.parse(line) as Record<string, unknown>);
    });

  it('is ready only when read model and messaging are', async () => {
    const ready = await fetch(`${api.url}/readyz`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      isOk: true,
      checks: { nats: { isOk: true }, 'read model vm': { isOk: true }, 'read model operation': { isOk: true } },
    });
  });

  it('takes a VM through its whole life, every step an event, in order', async () => {
    const created = await api.send<VmWriteAnswer>('POST', '/vms', {
      name: 'life',
      spec: { disks: [{ name: 'root', image: 'guest' }], nics: [{ network: 'default' }], labels: { tier: 'web' } },
    });
    expect(created.status).toBe(202);
    const operationId = created.body.operation?.id;
    expect(created.headers.get('location')).toBe(`/api/v1/operations/${operationId}`);
    expect(created.headers.get('drover-position')).toMatch(/^\d+$/);
    expect((await api.ended(String(operationId))).state).toBe('SUCCEEDED');
    expect(await api.vm('life')).toMatchObject({
      desired: { powerState: 'RUNNING' },
      observed: { powerState: 'RUNNING', cause: 'user' },
      drift: [],
      placement: { generation: { epoch: 1, n: 1 } },
      definition: { machineType: 'simulated-1' },
      operation: null,
    });
    const steps: readonly (readonly [verb: string, observed: string])[] = [
      ['stop', 'STOPPED'],
      ['start', 'RUNNING'],
      ['reboot', 'RUNNING'],
      ['pause', 'PAUSED'],
      ['resume', 'RUNNING'],
      ['reset', 'RUNNING'],
    ];
    for (const [verb, observed] of steps) {
      await api.succeed('POST', `/vms/life/${verb}`, {});
      expect((await api.vm('life')).observed?.powerState).toBe(observed);
    }
    expect(await domainOf('life')).toMatchObject([{ powerState: 'RUNNING', boots: 4, title: 'life' }]);
    const { id } = await api.vm('life');
    await api.succeed('DELETE', '/vms/life');
    expect(domainsOf(fleet.home)).toEqual([]);
    expect((await api.send('GET', '/vms/life')).status).toBe(404);
    expect(await typesOf(id)).toEqual([
      ...['VmRequested', 'OperationBegan', 'VmPlaced', 'VmDefined', 'VmStarted', 'OperationSucceeded'],
      ...['VmStopRequested', 'OperationBegan', 'VmStopped', 'OperationSucceeded'],
      ...['VmStartRequested', 'OperationBegan', 'VmStarted', 'OperationSucceeded'],
      ...['VmRebootRequested', 'OperationBegan', 'VmRebooted', 'OperationSucceeded'],
      ...['VmPauseRequested', 'OperationBegan', 'VmPaused', 'OperationSucceeded'],
      ...['VmResumeRequested', 'OperationBegan', 'VmResumed', 'OperationSucceeded'],
      ...['VmResetRequested', 'OperationBegan', 'VmReset', 'OperationSucceeded'],
      ...['VmDeleteRequested', 'OperationBegan', 'OperationSucceeded', 'VmDeleted'],
    ]);
    const history = await api.history(id);
    expect(history.map((event) => event.revision)).toEqual(history.map((_event, index) => index));
    const times = history.map((event) => event.recordedAt);
    expect([...times].sort()).toEqual(times);
  });

  it('passes the trace of a request on to all that follows from it: every event, and the logs of the services that worked on it', async () => {
    const traceId = randomBytes(16).toString('hex');
    const create = async (name: string, headers: Record<string, string>) => {
      const answer = await api.send<VmWriteAnswer>('POST', '/vms', { name }, headers);
      const operationId = String(answer.body.operation?.id);
      expect((await api.ended(operationId)).state).toBe('SUCCEEDED');
      const traces = (await api.history(name)).map(({ type, meta }) => ({
        type,
        operationId: meta.operationId,
        traceId: meta.traceparent?.slice(3, 35),
      }));
      return { operationId, traces, answered: answer.headers.get('traceparent')?.slice(3, 35) };
    };
    const steps = ['VmRequested', 'OperationBegan', 'VmPlaced', 'VmDefined', 'VmStarted', 'OperationSucceeded'];
    const given = await create('traced', { traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
    expect(given.answered).toBe(traceId);
    const { operationId } = given;
    expect(given.traces).toEqual(steps.map((type) => ({ type, operationId, traceId })));
    for (const part of ['api-gateway', 'vm-manager', 'node-agent'] as const) {
      expect(await lineOf(part, traceId)).toMatchObject({ service: part, level: 'info', operationId });
    }
    const malformed = await create('traced-anew', { traceparent: `00-${traceId}` });
    expect(malformed.answered).toMatch(/^[0-9a-f]{32}$/);
    expect(malformed.answered).not.toBe(traceId);
    expect(new Set(malformed.traces.map((event) => event.traceId))).toEqual(new Set([malformed.answered]));
  });

  it('begins nothing where the wish is so already', async () => {
    await api.succeed('POST', '/vms', { name: 'idle', powerOn: false });
    expect((await api.vm('idle')).observed?.powerState).toBe('STOPPED');
    const before = await typesOf('idle');
    const answer = await api.send<VmWriteAnswer>('POST', '/vms/idle/stop', {});
    expect(answer.status).toBe(200);
    expect(answer.body.operation).toBeNull();
    expect(await typesOf('idle')).toEqual(before);
  });

  it('lets a client read its own writes, in the very next request', async () => {
    for (let index = 0; index < 20; index += 1) {
      const name = `own-${index}`;
      await api.begin('POST', '/vms', { name });
      expect((await api.vm(name)).name).toBe(name);
    }
    const ahead = await api.send('GET', '/vms', undefined, { 'drover-position': '999999999' });
    expect(ahead).toMatchObject({ status: 400, body: { code: 'INVALID_FIELD', field: 'drover-position' } });
  });

  it('answers with the ended operation where the client waits', async () => {
    const answer = await api.send<{ operation: OperationResource; vm: VmResource }>('POST', '/vms?wait=30s', {
      name: 'waited',
    });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      operation: { state: 'SUCCEEDED', kind: 'vm.create' },
      vm: { name: 'waited', observed: { powerState: 'RUNNING' } },
    });
  });

  it('shows a VM as of any moment, from events alone', async () => {
    await api.succeed('POST', '/vms', { name: 'past' });
    await api.succeed('POST', '/vms/past/stop', {});
    const history = await api.history('past');
    const at = (type: string) => String(history.find((event) => event.type === type)?.recordedAt);
    const asOf = (time: string) => api.expectDone<VmResource>('GET', `/vms/past?at=${encodeURIComponent(time)}`);
    expect((await asOf(at('VmStarted'))).observed?.powerState).toBe('RUNNING');
    expect((await asOf(at('VmStopped'))).observed?.powerState).toBe('STOPPED');
    expect(await api.send('GET', '/vms/past?at=2001-01-01T00:00:00Z')).toMatchObject({
      status: 404,
      body: { code: 'VM_NOT_FOUND' },
    });
  });

  it('loses and repeats nothing for a stream that comes back after a restart of the gateway', async () => {
    const first = await FleetStream.open(api, { after: '0' });
    await api.until('the stream has shown what there is', async () =>
      Promise.resolve(first.events.length > 50 ? true : undefined),
    );
    const inFlight = Array.from({ length: 10 }, (_, index) => api.begin('POST', '/vms', { name: `sse-${index}` }));
    const operations = await Promise.all(inFlight);
    await fleet.endPart('api-gateway');
    await first.ended;
    await fleet.startPart('api-gateway');
    const second = await FleetStream.open(api, first.last === undefined ? {} : { after: first.last });
    for (const operation of operations) expect((await api.ended(operation)).state).toBe('SUCCEEDED');
    const stored = await api.allEvents();
    const seen = () => [...first.events, ...second.events];
    await api.until('the stream has shown everything', async () =>
      Promise.resolve(seen().length >= stored.length ? true : undefined),
    );
    second.close();
    expect(seen().map((event) => event.position)).toEqual(stored.map((event) => event.position));
    expect(seen()).toEqual(stored);
  });

  it('gives every VM once over the pages of a list', async () => {
    const names: string[] = [];
    for (let after = ''; ;) {
      const page = await api.expectDone<{ items: VmResource[]; next?: string }>('GET', `/vms?limit=7${after}`);
      expect(page.items.length).toBeLessThanOrEqual(7);
      names.push(...page.items.map((vm) => vm.name));
      if (page.next === undefined) break;
      after = `&after=${page.next}`;
    }
    const { items } = await api.expectDone<{ items: VmResource[] }>('GET', '/vms?limit=1000');
    expect(names).toEqual(items.map((vm) => vm.name));
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(30);
  });

  it('spreads VMs over the hosts, and packs them where asked', async () => {
    const { items } = await api.expectDone<{ items: { allocated: { vms: number } }[] }>('GET', '/cluster/distribution');
    const counts = items.map((share) => share.allocated.vms);
    expect(counts).toHaveLength(HOSTS);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
    const create = (index: number) =>
      api.succeed('POST', '/vms', { name: `pack-${index}`, spec: { placement: { policy: 'pack' } } });
    for (let index = 0; index < 4; index += 1) await create(index);
    const hosts = await Promise.all(
      [0, 1, 2, 3].map(async (index) => (await api.vm(`pack-${index}`)).placement?.hostId),
    );
    expect(new Set(hosts).size).toBe(1);
  });

  it('places nothing on a cordoned host, and again once it is uncordoned', async () => {
    const [kept] = await api.hostsAlive(HOSTS);
    const others = (await api.hostsAlive(HOSTS)).filter((host) => host.id !== kept?.id);
    for (const host of others) await api.expectDone('POST', `/hosts/${host.name}/cordon`, {});
    for (let index = 0; index < 3; index += 1) await api.succeed('POST', '/vms', { name: `only-${index}` });
    for (let index = 0; index < 3; index += 1) {
      expect((await api.vm(`only-${index}`)).placement?.hostId).toBe(kept?.id);
    }
    await api.expectDone('POST', `/hosts/${kept?.id}/cordon`, {});
    const operation = await api.ended(await api.begin('POST', '/vms', { name: 'nowhere' }));
    expect(operation).toMatchObject({
      state: 'FAILED',
      error: { code: 'NO_HOST_FITS', step: 'place', data: { counts: { cordon: HOSTS } } },
    });
    for (const host of [...others, kept]) await api.expectDone('POST', `/hosts/${host?.id}/uncordon`, {});
    const { items } = await api.expectDone<{ items: HostResource[] }>('GET', '/hosts');
    expect(items.map((host) => host.cordon)).toEqual(items.map(() => null));
    await api.succeed('POST', '/vms', { name: 'nowhere' });
  });

  it('explains for every host why it fits or not', async () => {
    const answer = await api.expectDone<ExplainAnswer>('GET', '/vms/waited/placement');
    expect(answer.total).toBe(HOSTS);
    expect(answer.candidates.map((candidate) => candidate.kind)).toEqual(['fits', 'fits', 'fits', 'fits']);
    const [best] = answer.candidates;
    if (best?.kind !== 'fits') throw new Error('no host fits');
    expect(Object.values(best.score.parts).reduce((sum, part) => sum + part, 0)).toBe(best.score.total);
  });

  it('ends a create that fits nowhere with the numbers of every host, and frees its name', async () => {
    const tooMuch = { name: 'giant', spec: { memory: { sizeMiB: 1_000_000 } } };
    const operation = await api.ended(await api.begin('POST', '/vms', tooMuch));
    expect(operation).toMatchObject({ state: 'FAILED', error: { code: 'NO_HOST_FITS', step: 'place' } });
    const nearest = operation.error?.data?.['nearest'];
    expect(nearest).toHaveLength(HOSTS);
    expect(nearest).toMatchObject([
      { filter: 'memory', numbers: { neededMiB: processMemoryMiB(1_000_000) } },
      {},
      {},
      {},
    ]);
    expect(await typesOf(operation.subject.id)).toEqual([
      ...['VmRequested', 'OperationBegan', 'VmPlacementFailed', 'OperationFailed', 'VmDeleted'],
    ]);
    await api.succeed('POST', '/vms', { name: 'giant' });
  });

  it('takes no room for a VM whose image no host has', async () => {
    const before = await api.expectDone<{ items: HostResource[] }>('GET', '/hosts');
    const body = { name: 'no-image', spec: { disks: [{ name: 'root', image: 'no-such-image' }] } };
    const operation = await api.ended(await api.begin('POST', '/vms', body));
    expect(operation).toMatchObject({
      state: 'FAILED',
      error: { code: 'NO_HOST_FITS', data: { counts: { image: HOSTS } } },
    });
    expect((await typesOf(operation.subject.id)).at(-1)).toBe('VmDeleted');
    const after = await api.expectDone<{ items: HostResource[] }>('GET', '/hosts');
    expect(after.items.map((host) => host.allocated)).toEqual(before.items.map((host) => host.allocated));
  });

  it('names the field that it cannot honour yet', async () => {
    const answer = await api.send('POST', '/vms', {
      name: 'x',
      spec: { cpu: { pinning: [{ vcpu: 0, hostCpus: [0] }] } },
    });
    expect(answer).toMatchObject({ status: 422, body: { code: 'UNSUPPORTED_FIELD', field: '/spec/cpu/pinning' } });
  });

  it('refuses a name that is taken, until its VM is deleted', async () => {
    await api.succeed('POST', '/vms', { name: 'unique' });
    expect(await api.send('POST', '/vms', { name: 'unique' })).toMatchObject({
      status: 409,
      body: { code: 'VM_NAME_TAKEN' },
    });
    await api.succeed('DELETE', '/vms/unique');
    await api.succeed('POST', '/vms', { name: 'unique' });
  });

  it('refuses a project that does not exist', async () => {
    const refused = (field: string) => ({ status: 404, body: { code: 'PROJECT_NOT_FOUND', field } });
    const body = { name: 'elsewhere', project: 'no-such-project' };
    expect(await api.send('POST', '/vms', body)).toMatchObject(refused('/project'));
    expect(await api.send('GET', '/vms?project=no-such-project')).toMatchObject(refused('?project'));
  });

  it('leaves a VM alone that has the name of a deleted one, whenever the request to delete that is repeated', async () => {
    const once = { 'idempotency-key': 'delete-reused-once' };
    await api.succeed('POST', '/vms', { name: 'reused' });
    const first = await api.send<VmWriteAnswer>('DELETE', '/vms/reused', undefined, once);
    expect(first.status).toBe(202);
    await api.ended(String(first.body.operation?.id));
    const repeated = () => api.send<VmWriteAnswer>('DELETE', '/vms/reused', undefined, once);
    expect(await repeated()).toMatchObject({ status: 202, body: first.body });
    await api.succeed('POST', '/vms', { name: 'reused' });
    const before = await api.history('reused');
    expect(await repeated()).toMatchObject({ status: 202, body: first.body });
    expect(await api.history('reused')).toEqual(before);
    expect(await domainOf('reused')).toMatchObject([{ powerState: 'RUNNING', boots: 1 }]);
  });

  it('gives one VM to fifty who ask for the same name at once', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => api.send('POST', '/vms', { name: 'race' })));
    const statuses = answers.map((answer) => answer.status).sort();
    expect(statuses).toEqual([202, ...Array.from({ length: 49 }, () => 409)]);
  });

  describe('while the agents are frozen', () => {
    beforeAll(() => fleet.freeze('node-agent'));
    afterAll(async () => {
      fleet.thaw('node-agent');
      await api.hostsAlive(HOSTS);
    });

    it('refuses a second operation on a VM and names the one that holds it', async () => {
      const operationId = await api.begin('POST', '/vms/past/start', {});
      expect(await api.send('POST', '/vms/past/start', {})).toMatchObject({
        status: 409,
        body: { code: 'VM_BUSY', data: { operationId, kind: 'vm.start' } },
      });
      const cancelled = await api.expectDone<VmWriteAnswer>('POST', `/operations/${operationId}/cancel?wait=10s`, {});
      expect(cancelled.operation).toMatchObject({ id: operationId, state: 'CANCELLED' });
      expect((await api.vm('past')).operation).toBeNull();
    });

    it('takes back a create that was cancelled before its host had it, and leaves nothing', async () => {
      const operationId = await api.begin('POST', '/vms', { name: 'regretted' });
      await api.vmUntil('regretted', (vm) => vm.placement !== null);
      const { id } = await api.vm('regretted');
      await api.expectDone('POST', `/operations/${operationId}/cancel`, {});
      expect((await api.expectDone<OperationResource>('GET', `/operations/${operationId}`)).state).toBe('CANCELLING');
      fleet.thaw('node-agent');
      expect((await api.ended(operationId)).state).toBe('CANCELLED');
      expect((await typesOf(id)).at(-1)).toBe('VmDeleted');
      expect(domainsOf(fleet.home).filter((domain) => domain.uuid === id)).toEqual([]);
      await api.succeed('POST', '/vms', { name: 'regretted' });
    });
  });

  it('gives every stored event once and in order to a client that reads the stream of events', async () => {
    const stored = await api.allEvents();
    const { servers, credentialsFile, inboxPrefix } = fleet.eventsAdministrator;
    const connection = await connect({
      servers,
      inboxPrefix,
      authenticator: credsAuthenticator(await readFile(credentialsFile)),
    });
    try {
      const consumer = await jetstream(connection).consumers.get('EVENTS', { filter_subjects: 'drover.event.>' });
      const seen: { position: string | undefined; id: unknown; type: string | undefined }[] = [];
      const messages = await consumer.consume();
      for await (const message of messages) {
        const cloudEvent = message.json<{ id: string }>();
        seen.push({
          position: message.headers?.get('Drover-Position'),
          id: cloudEvent.id,
          type: message.subject.split('.').at(-1),
        });
        if (seen.length === stored.length) break;
      }
      expect(seen).toEqual(stored.map(({ position, id, type }) => ({ position, id, type })));
      const manager = await jetstreamManager(connection, { checkAPI: false });
      expect((await manager.streams.info('EVENTS')).state.messages).toBe(stored.length);
    } finally {
      await connection.close();
    }
  });

  it('rebuilds its models one by one to the same answers', async () => {
    const look = async () => ({
      vms: await api.expectDone('GET', '/vms?limit=1000'),
      hosts: await api.expectDone('GET', '/hosts?limit=1000'),
      operations: await api.expectDone('GET', '/operations?limit=1000'),
      stats: await api.expectDone('GET', '/cluster/stats'),
      distribution: await api.expectDone('GET', '/cluster/distribution?limit=1000'),
    });
    await api.until('nothing is open', async () =>
      (await api.expectDone<{ items: unknown[] }>('GET', '/operations?open=true')).items.length === 0
        ? true
        : undefined,
    );
    const before = await look();
    const events = await api.allEvents();
    const { items: models } = await api.expectDone<{ items: ModelStatus[] }>('GET', '/admin/models');
    expect(models.map(({ name }) => name).sort()).toEqual(['host', 'image', 'operation', 'strays', 'vm']);
    for (const { name } of models) {
      await api.expectDone('POST', `/admin/models/${name}/rebuild`, {});
      const status = await api.until(`the rebuild of ${name} has ended`, async () => {
        const { rebuild } = await api.expectDone<ModelStatus>('GET', `/admin/models/${name}`);
        return rebuild.state === 'RUNNING' ? undefined : rebuild;
      });
      const shown = events.filter(({ stream }) => name === 'operation' || stream.startsWith(`${name}-`));
      expect(status).toMatchObject({ model: name, state: 'SUCCEEDED', projected: shown.length });
    }
    expect(await look()).toEqual(before);
  });
});
