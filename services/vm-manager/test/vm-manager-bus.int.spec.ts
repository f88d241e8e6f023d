import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  DEFAULT_CLUSTER,
  DEFAULT_PROJECT,
  type EventId,
  fleetIdSchema,
  type HostOrder,
  type Signed,
  type NewEvent,
  type PlaceQuery,
  type StoredVmEvent,
} from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { createMemoryEventStore, createMemoryLeaseStore, type MemoryEventStore } from '@drover/event-store';
import { answered, createMemoryBus, createOrderKey, OrderSigner, type Messaging } from '@drover/messaging';
import { createMetrics, silentLogger } from '@drover/observability';
import { startService, type RunningService } from '@drover/service-kit';
import { command, FakeHost, hostA, hostB, operationOf, user, vmId } from '../src/testing/index.js';
import { defaultTimeouts, startReplica } from '../src/index.js';

/** Long compared with any pause of a busy machine: a lease that lapses makes the replica refuse, as it should. */
const LEASE_TTL_MS = 500;
const fleetId = '00000006-0000-7000-8000-000000000001';
const at = '2026-01-01T00:00:00.000Z';

describe('the service on a bus', () => {
  let store: MemoryEventStore;
  let bus: ReturnType<typeof createMemoryBus>;
  /** api-gateway, scheduler and agent in one; the agent asks by itself, because answers go to its own inbox. */
  let outside: Messaging;
  let agent: Messaging;
  let host: FakeHost;
  let service: RunningService;

  const connect = (name: string) =>
    bus.connect({ name, logger: silentLogger, deadLetters: { keep: (letter) => store.deadLetters.keep(letter) } });

  const eventually = async (isSo: () => Promise<boolean>) => {
    while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 2));
  };

  async function seed(): Promise<void> {
    const event = (type: string, data: object): NewEvent => ({
      id: derivedId('seed', type) as EventId,
      type,
      schemaVersion: 1,
      data,
      meta: { at, actor: user },
    });
    await store.append(`cluster-${DEFAULT_CLUSTER}`, 'no-stream', [event('ClusterCreated', { storeEpoch: 1 })]);
    await store.append(`host-${hostA}`, 'no-stream', [event('HostRegistered', { hostId: hostA, journalEpoch: 1 })]);
  }

  beforeEach(async () => {
    store = createMemoryEventStore();
    bus = createMemoryBus();
    outside = connect('api-gateway');
    agent = connect(`host-${hostA}`);
    host = new FakeHost(hostA);
    await seed();
    outside.respond(outside.subjects.query('placement', 'place'), ({ payload }) => {
      const { reservationId } = payload as PlaceQuery;
      return answered({ kind: 'placed', hostId: hostA, reservationId, score: { total: 1, parts: {} }, runnersUp: [] });
    });
    outside.respond(outside.subjects.hostOrder(hostA), ({ payload }) =>
      answered(host.receive((JSON.parse((payload as Signed).body) as { order: HostOrder }).order)),
    );
    const messaging = connect('vm-manager');
    service = await startService(
      {
        name: 'vm-manager',
        start: async (context) => {
          await startReplica(context, {
            store,
            deadLetters: store.deadLetters,
            foldSnapshots: store.foldSnapshots,
            messaging,
            leases: createMemoryLeaseStore(),
            leaseTtlMs: LEASE_TTL_MS,
            timeouts: defaultTimeouts,
            signer: new OrderSigner(createOrderKey().privateKey, fleetIdSchema.parse(fleetId)),
          });
        },
      },
      { logger: silentLogger, metrics: createMetrics() },
    );
  });

  afterEach(async () => {
    await service.stop();
    await outside.close();
    await agent.close();
    await store.close();
  });

  const create = {
    kind: 'create',
    commandId: command('create'),
    actor: user,
    projectId: DEFAULT_PROJECT,
    name: 'web',
    spec: {},
    powerOn: true,
  };
  const ask = (verb: string, payload: object) =>
    outside.request(outside.subjects.command('vm', verb), payload, { ttlMs: 5_000, retry: 'until-ttl' });
  const report = () =>
    agent.request(
      agent.subjects.hostReport(hostA, 'vm'),
      {
        kind: 'reports',
        hostId: hostA,
        journalEpoch: 1,
        reports: host.reports.map((entry, index) => ({ sequence: index + 1, at, report: entry })),
      },
      { ttlMs: 5_000, retry: 'until-ttl' },
    );
  const types = async () => ((await store.read(`vm-${vmId}`)) as readonly StoredVmEvent[]).map((event) => event.type);

  it('takes a command, has it placed and carried out, and settles the host’s report', async () => {
    expect(await ask('create', create)).toMatchObject({
      kind: 'answered',
      value: { subjectId: vmId, operationId: operationOf('create') },
    });
    await eventually(async () => host.reports.length === 1);
    expect(await report()).toEqual(answered({ kind: 'acknowledged', throughSequence: 1 }));
    expect(await types()).toEqual([
      'VmRequested',
      'OperationBegan',
      'VmPlaced',
      'VmDefined',
      'VmStarted',
      'OperationSucceeded',
    ]);
  });

  it('answers rejections as such, and keeps commands it cannot read', async () => {
    expect(await ask('start', { kind: 'start', ...base(), vmId })).toMatchObject({
      kind: 'rejected',
      rejection: { code: 'VM_NOT_FOUND' },
    });
    await expect(ask('start', { kind: 'start', ...base(), vmId: 'web' })).rejects.toMatchObject({
      code: 'UNREADABLE_MESSAGE',
    });
    expect(await store.deadLetters.count('vm-manager')).toBe(1);
  });

  it('lets no host report as another', async () => {
    const open = { kind: 'open', hostId: hostB, journalEpoch: 1, nonce: 'n' };
    expect(
      await agent.request(agent.subjects.hostReport(hostA, 'vm'), open, { ttlMs: 5_000, retry: 'until-ttl' }),
    ).toMatchObject({ kind: 'rejected', rejection: { code: 'FORBIDDEN' } });
  });

  it('takes nothing once it has stopped', async () => {
    await ask('start', { kind: 'start', ...base(), vmId });
    await service.stop();
    await expect(
      outside.request(outside.subjects.command('vm', 'create'), create, { ttlMs: 100 }),
    ).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  });

  it('gives its lease up for what it does not know of a VM, and not for what it does not know of a host', async () => {
    const append = (stream: string, type: string) => {
      const id = derivedId(stream, type) as EventId;
      return store.append(stream, 'any', [{ id, type, schemaVersion: 1, data: {}, meta: { at, actor: user } }]);
    };
    await append(`host-${hostA}`, 'HostTeleported');
    expect(await ask('start', { kind: 'start', ...base(), vmId })).toMatchObject({ kind: 'rejected' });
    expect(await service.health.ready()).toMatchObject({ isOk: true });
    await append(`vm-${vmId}`, 'VmTeleported');
    await eventually(async () => !(await service.health.ready()).isOk);
    await expect(
      outside.request(outside.subjects.command('vm', 'create'), create, { ttlMs: 100 }),
    ).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(await types()).toEqual(['VmTeleported']);
  });

  function base() {
    return { commandId: command('other'), actor: user, projectId: DEFAULT_PROJECT };
  }
});
