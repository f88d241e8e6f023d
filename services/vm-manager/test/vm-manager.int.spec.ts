import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  commandAcceptedSchema,
  commandIdSchema,
  DEFAULT_CLUSTER,
  DEFAULT_PROJECT,
  eventIdSchema,
  Fault,
  hostOrderSchema,
  placeQuerySchema,
  reportsAcknowledgedSchema,
  sentOrderSchema,
  signedSchema,
  type NewEvent,
} from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { openPostgresEventStore, type FoldRow, type PostgresEventStore } from '@drover/event-store';
import { answered, connectMessaging, createOrderKey, parsePayload, type NatsMessaging } from '@drover/messaging';
import { createMetrics, silentLogger } from '@drover/observability';
import { startService, type RunningService } from '@drover/service-kit';
import { startNats, startPostgres, type NatsServer, type PostgresServer } from '@drover/testing';
import { vmManagerConfigSchema, vmManagerService } from '../src/index.js';
import { FakeHost, hostA, user } from '../src/testing/index.js';

const PATIENCE_MS = 30_000;
const VMS = 40;
const at = '2026-01-01T00:00:00.000Z';

describe('the vm-manager on a real bus and database', () => {
  let postgres: PostgresServer;
  let nats: NatsServer;
  let folder: string;
  let store: PostgresEventStore;
  /** api-gateway, scheduler and agent in one; the agent asks by itself, because answers go to its own inbox. */
  let outside: NatsMessaging;
  let agent: NatsMessaging;
  let host: FakeHost;
  let replicas: RunningService[];
  let acknowledged: number;
  let isOver: boolean;
  let reporting: Promise<void>;
  let databases = 0;

  beforeAll(async () => {
    postgres = await startPostgres();
  }, PATIENCE_MS);
  afterAll(() => postgres.stop());

  beforeEach(async () => {
    nats = await startNats();
    folder = await mkdtemp(path.join(tmpdir(), 'drover-vm-manager-'));
    const connectionString = await postgres.createDatabase(`vm_manager_${(databases += 1)}`);
    await writeFile(path.join(folder, 'database-url'), connectionString);
    store = await openPostgresEventStore({ connectionString });
    const { deadLetters } = store;
    const connect = (name: string) => connectMessaging({ name, servers: nats.url, logger: silentLogger, deadLetters });
    outside = await connect('api-gateway');
    agent = await connect(`host-${hostA}`);
    host = new FakeHost(hostA);
    replicas = [];
    acknowledged = 0;
    isOver = false;
    await seed();
    outside.respond(outside.subjects.query('placement', 'place'), (message) => {
      const { reservationId } = parsePayload(placeQuerySchema, message);
      return answered({ kind: 'placed', hostId: hostA, reservationId, score: { total: 1, parts: {} }, runnersUp: [] });
    });
    outside.respond(outside.subjects.hostOrder(hostA), (message) =>
      answered(
        host.receive(
          hostOrderSchema.parse(sentOrderSchema.parse(JSON.parse(parsePayload(signedSchema, message).body)).order),
        ),
      ),
    );
    reporting = report();
  }, PATIENCE_MS);

  afterEach(async () => {
    isOver = true;
    await reporting;
    for (const replica of replicas) await replica.stop();
    await outside.close();
    await agent.close();
    await store.close();
    await nats.stop();
    await rm(folder, { recursive: true });
  }, PATIENCE_MS);

  async function seed(): Promise<void> {
    const event = (type: string, data: object): NewEvent => ({
      id: eventIdSchema.parse(derivedId('seed', type)),
      type,
      schemaVersion: 1,
      data,
      meta: { at, actor: user },
    });
    await store.append(`cluster-${DEFAULT_CLUSTER}`, 'no-stream', [event('ClusterCreated', { storeEpoch: 1 })]);
    await store.append(`host-${hostA}`, 'no-stream', [event('HostRegistered', { hostId: hostA, journalEpoch: 1 })]);
  }

  async function aReplica(): Promise<RunningService> {
    await writeFile(path.join(folder, 'order-key'), createOrderKey().privateKey);
    const config = vmManagerConfigSchema.parse({
      fleetId: randomUUID(),
      orders: { keyFile: path.join(folder, 'order-key') },
      nats: { url: nats.url },
      database: { urlFiles: { 'vm-manager': path.join(folder, 'database-url') } },
      vmManager: { leaseTtlMs: 500 },
    });
    const replica = await startService(vmManagerService(config), { logger: silentLogger, metrics: createMetrics() });
    replicas.push(replica);
    return replica;
  }

  /** The agent's lane: what was not acknowledged is sent again, in order. */
  async function report(): Promise<void> {
    while (!isOver) {
      const reports = host.reports
        .slice(acknowledged, acknowledged + 100)
        .map((entry, index) => ({ sequence: acknowledged + index + 1, at, report: entry }));
      if (reports.length > 0) {
        const payload = { kind: 'reports', hostId: hostA, journalEpoch: 1, reports };
        const subject = agent.subjects.hostReport(hostA, 'vm');
        const answer = await agent
          .request(subject, payload, { ttlMs: 1_000, schema: reportsAcknowledgedSchema })
          .catch(faultOnly);
        if (answer?.kind === 'answered') acknowledged = answer.value.throughSequence;
      }
      await sleep(5);
    }
  }

  /** Asks as a client does: the same command until it is answered. */
  async function create(n: number): Promise<string> {
    const payload = {
      kind: 'create',
      commandId: commandIdSchema.parse(derivedId('create', n)),
      actor: user,
      projectId: DEFAULT_PROJECT,
      name: `vm-${n}`,
      spec: {},
      powerOn: true,
    };
    for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline; await sleep(50)) {
      const answer = await outside
        .request(outside.subjects.command('vm', 'create'), payload, { ttlMs: 2_000, schema: commandAcceptedSchema })
        .catch(faultOnly);
      if (answer?.kind === 'rejected') throw new Error(answer.rejection.detail);
      if (answer?.kind === 'answered') return answer.value.subjectId;
    }
    throw new Error(`vm-${n} was never accepted`);
  }

  /** None while the database that was killed is not back: the spec looks again then. */
  async function typesOf(vmId: string): Promise<readonly string[]> {
    try {
      return (await store.read(`vm-${vmId}`)).map((event) => event.type);
    } catch (error) {
      if (error instanceof Fault && error.code === 'STORE_UNAVAILABLE') return [];
      throw error;
    }
  }

  async function createAll(): Promise<void> {
    const vms = await Promise.all(Array.from({ length: VMS }, (_, n) => create(n)));
    for (const vmId of vms) {
      for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(20)) {
        const types = await typesOf(vmId);
        if (types.at(-1) === 'OperationSucceeded') {
          expect(types).toEqual([
            'VmRequested',
            'OperationBegan',
            'VmPlaced',
            'VmDefined',
            'VmStarted',
            'OperationSucceeded',
          ]);
          break;
        }
        if (performance.now() > deadline) throw new Error(`VM ${vmId} ends with ${types.join()}`);
      }
    }
    expect(new Set(vms).size).toBe(VMS);
    expect(host.done).toHaveLength(VMS);
    expect(await store.deadLetters.count()).toBe(0);
  }

  const whenSomeAreDone = async () => {
    while (host.done.length < VMS / 4) await sleep(1);
  };

  it(
    'leaves a snapshot when it is stopped, and goes on from it',
    async () => {
      const first = await aReplica();
      await createAll();
      await first.stop();
      const owner = { service: 'vm-manager', version: 'cluster.1 host.2 image.1 strays.1 vm.3' };
      const rows: FoldRow[] = [];
      const position = await store.foldSnapshots.load(owner, (some) => rows.push(...some));
      expect(position).toBeDefined();
      const kinds = rows.map(({ kind }) => kind);
      expect([kinds.filter((kind) => kind === 'vm').length, new Set(kinds)]).toEqual([
        VMS,
        new Set(['cluster', 'host', 'vm']),
      ]);
      await aReplica();
      expect(await create(0)).toBe(rows.find(({ state }) => JSON.stringify(state).includes('"vm-0"'))?.id);
    },
    PATIENCE_MS,
  );

  it(
    'creates many VMs, each fact once',
    async () => {
      await aReplica();
      await createAll();
    },
    PATIENCE_MS,
  );

  it(
    'goes on when the active replica ends and the other takes the lease',
    async () => {
      const first = await aReplica();
      const all = createAll();
      await aReplica();
      await whenSomeAreDone();
      await first.stop();
      await all;
    },
    PATIENCE_MS,
  );

  it(
    'goes on when nats-server is killed and its files are gone',
    async () => {
      await aReplica();
      const all = createAll();
      await whenSomeAreDone();
      await nats.wipe();
      await nats.start();
      await all;
    },
    PATIENCE_MS,
  );

  it(
    'goes on when the database is killed and started again',
    async () => {
      await aReplica();
      const all = createAll();
      await whenSomeAreDone();
      await postgres.kill9();
      await postgres.start();
      await all;
    },
    PATIENCE_MS,
  );
});

/** What met a fault is sent again; anything else is a defect. */
function faultOnly(error: unknown): undefined {
  if (!(error instanceof Fault)) throw error;
}
