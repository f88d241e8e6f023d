import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  DEFAULT_PROJECT,
  projectIdSchema,
  rebuildSchemaOf,
  START,
  type Position,
  type StoredEvent,
} from '@drover/contracts';
import { systemClock } from '@drover/domain-kit';
import { createMemoryEventStore, type EventStore } from '@drover/event-store';
import { silentLogger } from '@drover/observability';
import {
  modelInUse,
  projectAroundPoison,
  projectBatch,
  readCheckpoint,
  ReadDatabase,
  RebuildRunner,
} from '@drover/read-models';
import { startPostgres, type PostgresServer } from '@drover/testing';
import { SqlFleetReads } from '../src/adapters/outbound/sql-fleet-reads.adapter.js';
import { HOSTS as HOST_KEY, OPERATIONS, STRAYS, VMS as VM_KEY } from '../src/application/ports/fleet-reads.port.js';
import { projections, resources } from '../src/sections.js';
import {
  allEvents,
  began,
  FleetStory,
  foldAll,
  MemoryFleetReads,
  strayFound,
  operationIdOf,
  vmIdOf,
  hostIdOf,
  inventoryOf,
} from '../src/testing/index.js';

const VMS = ['a', 'b', 'c', 'd'] as const;
const HOSTS = ['h1', 'h2'] as const;
const tables = ['vm', 'vm_label', 'operation', 'host', 'image', 'strays', 'vm_total'];
const schemas = projections.map(({ name }) => name);
const targets = projections.map(modelInUse);

const steps = [
  'request',
  'place',
  'unplace',
  'define',
  'start',
  'started',
  'stop',
  'stopped',
  'pause',
  'paused',
  'resumed',
  'delete',
  'deleted',
  'begin',
  'succeed',
  'fail',
  'cancel-request',
  'cancelled',
  'drift',
  'settle',
  'stray',
  'stray-gone',
  'strays-left-out',
  'register',
  'inventory',
  'zone',
  'hypervisor',
  'cordon',
  'uncordon',
  'suspect',
  'return',
] as const;
type Step = (typeof steps)[number];

/** Any order of any events: a read model has to bear what it is given. */
const historyArbitrary = fc.array(
  fc.record({
    // Requests and placements come often, so that the others find something to work on.
    step: fc.oneof(fc.constantFrom<Step>('request', 'place', 'started'), fc.constantFrom(...steps)),
    vm: fc.constantFrom(...VMS),
    host: fc.constantFrom(...HOSTS),
    n: fc.integer({ min: 0, max: 3 }),
  }),
  { maxLength: 60 },
);

async function tell(story: FleetStory, { step, vm, host, n }: { step: Step; vm: string; host: string; n: number }) {
  const vmId = vmIdOf(vm);
  const hostId = hostIdOf(host);
  const operationId = operationIdOf(`${vm}-${n}`);
  const seen = story.seen(hostId);
  const ended = { operationId, undone: [], left: [] };
  switch (step) {
    case 'request':
      return story.requested(vm, { spec: { cpu: { cores: n + 1 }, labels: { n: `${n}` } }, operationId });
    case 'place':
      return story.placed(vmId, hostId, n + 1);
    case 'unplace':
      return story.onVm(vmId, { type: 'VmPlacementFailed', data: { counts: { memory: n }, nearest: [] } });
    case 'define':
      return story.onVm(vmId, {
        type: 'VmDefined',
        data: {
          ...seen,
          definition: {
            machineType: 'q35',
            cpuModel: 'qemu64',
            accelerator: 'simulated',
            nics: [],
            disks: [],
            fingerprint: 'f'.repeat(64),
          },
        },
      });
    case 'start':
      return story.onVm(vmId, { type: 'VmStartRequested', data: {} });
    case 'started':
      return story.onVm(vmId, { type: 'VmStarted', data: { ...seen, cause: 'user' } });
    case 'stop':
      return story.onVm(vmId, { type: 'VmStopRequested', data: { mode: 'force', gracePeriodMs: 0 } });
    case 'stopped':
      return story.onVm(vmId, { type: 'VmStopped', data: { ...seen, cause: 'guest', wasForced: false } });
    case 'pause':
      return story.onVm(vmId, { type: 'VmPauseRequested', data: {} });
    case 'paused':
      return story.onVm(vmId, { type: 'VmPaused', data: { ...seen, cause: 'user', isIoError: false } });
    case 'resumed':
      return story.onVm(vmId, { type: 'VmResumed', data: { ...seen, cause: 'outside' } });
    case 'delete':
      return story.onVm(vmId, { type: 'VmDeleteRequested', data: {} });
    case 'deleted':
      return story.onVm(vmId, { type: 'VmDeleted', data: {} });
    case 'begin':
      return story.onVm(vmId, began(operationId, 'vm.start'));
    case 'succeed':
      return story.onVm(vmId, { type: 'OperationSucceeded', data: { operationId } });
    case 'fail':
      return story.onVm(vmId, {
        type: 'OperationFailed',
        data: { ...ended, step: 'start', code: 'HOST_FULL', reason: `'; DROP TABLE vm; -- ${n}` },
      });
    case 'cancel-request':
      return story.onVm(vmId, { type: 'OperationCancelRequested', data: { operationId, because: 'user' } });
    case 'cancelled':
      return story.onVm(vmId, { type: 'OperationCancelled', data: { ...ended, by: 'user' } });
    case 'drift':
      return story.onVm(vmId, {
        type: 'VmDriftFound',
        data: {
          source: seen.source,
          hostId,
          kind: n > 1 ? 'edited' : 'unknown',
          detail: `seen ${n}`,
          powerState: 'RUNNING',
        },
      });
    case 'settle':
      return story.onVm(vmId, {
        type: 'VmDriftSettled',
        data: { source: seen.source, hostId, kind: n > 1 ? 'edited' : 'unknown' },
      });
    case 'stray':
      return story.onStrays(hostId, strayFound(vmId, seen.source, n > 1 ? 'deleted' : 'unknown'));
    case 'stray-gone':
      return story.onStrays(hostId, { type: 'StrayGone', data: { source: seen.source, vmId } });
    case 'strays-left-out':
      return story.onStrays(hostId, { type: 'StraysLeftOut', data: { source: seen.source, count: n } });
    case 'register':
      return story.host(host, { memoryMiB: 4096 * (n + 1) });
    case 'inventory':
      return story.onHost(hostId, {
        type: 'HostInventoryChanged',
        data: { hostId, inventory: { ...inventoryOf(host), networks: [`n${n}`] } },
      });
    case 'zone':
      return story.onHost(hostId, { type: 'HostZoneChanged', data: { hostId, zone: n > 1 ? `z${n}` : null } });
    case 'hypervisor':
      return story.onHost(
        hostId,
        n > 1
          ? { type: 'HostHypervisorLost', data: { hostId, why: 'silent' } }
          : { type: 'HostHypervisorReturned', data: { hostId } },
      );
    case 'cordon':
      return story.onHost(hostId, { type: 'HostCordoned', data: { hostId, by: 'user' } });
    case 'uncordon':
      return story.onHost(hostId, { type: 'HostUncordoned', data: { hostId } });
    case 'suspect':
      return story.onHost(hostId, { type: 'HostSuspected', data: { hostId, missedHeartbeats: 3 } });
    case 'return':
      return story.onHost(hostId, { type: 'HostReturned', data: { hostId } });
  }
}

describe('the projection of the fleet', () => {
  let postgres: PostgresServer;
  let connectionString: string;

  beforeAll(async () => {
    postgres = await startPostgres();
    connectionString = await postgres.createDatabase('projection');
  }, 60_000);
  afterAll(() => postgres.stop());

  async function withModel<T>(work: (database: ReadDatabase) => Promise<T>): Promise<T> {
    const database = ReadDatabase.open({ connectionString, projections, maxConnections: 4 });
    try {
      for (const projection of projections) {
        await database.exclusively('spec', async (sql) => {
          for (const schema of [projection.name, rebuildSchemaOf(projection.name)])
            await sql.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE; CREATE SCHEMA ${schema}`);
        });
        await database.migrate(projection);
      }
      return await work(database);
    } finally {
      await database.close();
    }
  }

  /** Projects the whole store in batches of these sizes, in turn. */
  async function projectInBatches(database: ReadDatabase, store: EventStore, sizes: readonly number[]): Promise<void> {
    const events: StoredEvent[] = [];
    for await (const event of allEvents(store)) events.push(event);
    for (let begin = 0, turn = 0; begin < events.length; turn += 1) {
      const batch = events.slice(begin, begin + (sizes[turn % sizes.length] ?? 1));
      begin += batch.length;
      const upTo: Position = batch.at(-1)?.position ?? START;
      await projectBatch(database, targets, { events: batch, upTo });
    }
  }

  async function rowsOf(database: ReadDatabase) {
    return database.exclusively(
      'spec',
      async (sql) => {
        const rows: Record<string, unknown[]> = {};
        for (const table of tables)
          rows[table] = await sql.query(`SELECT to_jsonb(t) AS row FROM ${table} t ORDER BY to_jsonb(t)::text`);
        return rows;
      },
      schemas,
    );
  }

  it('equals a plain fold of the same events, wherever its batches end, and a rebuild of it', async () => {
    await fc.assert(
      fc.asyncProperty(
        historyArbitrary,
        fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1, maxLength: 4 }),
        async (history, sizes) => {
          const store = createMemoryEventStore();
          const story = new FleetStory(store);
          for (const step of history) await tell(story, step);
          await withModel(async (database) => {
            await projectInBatches(database, store, sizes);
            const fleet = await foldAll(store);
            const rows = await rowsOf(database);
            const views = (table: string) =>
              (rows[table] as { row: { view: { id: string } } }[]).map(({ row }) => row.view);
            const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);
            for (const { key } of resources)
              expect(views(key.name).sort(byId)).toEqual([...fleet.of(key.name)].sort(byId));

            const sql = new SqlFleetReads(database, resources);
            const memory = new MemoryFleetReads(store);
            expect(await sql.stats()).toEqual(await memory.stats());
            for (const { key } of resources)
              expect((await sql.of(key).list({})).items).toEqual((await memory.of(key).list({})).items);
            for (const host of HOSTS) {
              expect(await sql.of(HOST_KEY).named(host)).toEqual(await memory.of(HOST_KEY).named(host));
            }

            for (const projection of projections) {
              const parts = { store, database, projection, logger: silentLogger, clock: systemClock };
              const rebuild = new RebuildRunner({ ...parts, batchSize: 11 });
              rebuild.start();
              expect(await rebuild.settled()).toMatchObject({ state: 'SUCCEEDED' });
              expect(await rowsOf(database)).toEqual(rows);
            }
          });
          await store.close();
        },
      ),
      { numRuns: Number(process.env['DROVER_PROPERTY_RUNS'] ?? 25), seed: 20_260_101, endOnFailure: true },
    );
  }, 180_000);

  it('passes over events of kinds that it does not show, and never over one of a VM that it does not know', async () => {
    const store = createMemoryEventStore();
    const story = new FleetStory(store);
    await story.requested('a');
    await story.strange('mystery-1');
    await withModel(async (database) => {
      await projectInBatches(database, store, [2]);
      const checkpoint = await database.exclusively('spec', (sql) => readCheckpoint(sql, 'drover_vm'));
      expect(checkpoint).toMatchObject({ projected: 2, position: await store.head() });
      await story.strange(`vm-${vmIdOf('a')}`);
      await expect(projectInBatches(database, store, [9])).rejects.toThrow('does not know FromTheFuture.v1');
      expect(await database.exclusively('spec', (sql) => readCheckpoint(sql, 'drover_vm'))).toEqual(checkpoint);
    });
  });

  it('shows a host whose event it cannot take as it was, says so in the host, and shows all others on', async () => {
    const store = createMemoryEventStore();
    const story = new FleetStory(store);
    const [h1, h2] = [await story.host('h1'), await story.host('h2')];
    const inventory = { ...inventoryOf('h1'), memoryMiB: Number.MAX_VALUE };
    await story.onHost(h1, { type: 'HostInventoryChanged', data: { hostId: h1, inventory } });
    for (const hostId of [h1, h2]) await story.onHost(hostId, { type: 'HostCordoned', data: { hostId, by: 'user' } });
    await withModel(async (database) => {
      const events: StoredEvent[] = [];
      for await (const event of allEvents(store)) events.push(event);
      const upTo = await store.head();
      await projectAroundPoison(database, targets, { events, upTo }, silentLogger);
      const reads = new SqlFleetReads(database, resources);
      const odd = await reads.of(HOST_KEY).find(h1);
      const other = await reads.of(HOST_KEY).find(h2);
      expect(odd).toMatchObject({ cordon: null, notShown: { since: '3', reason: expect.stringContaining('bigint') } });
      expect(odd?.inventory).toEqual(inventoryOf('h1'));
      expect(other).toMatchObject({ cordon: { by: 'user' } });
      expect(other).not.toHaveProperty('notShown');
      expect((await reads.stats()).hosts).toMatchObject({ total: 2, cordoned: 1 });
    });
  });

  it('ends a page where its items are large, and lists each once all the same', async () => {
    const store = createMemoryEventStore();
    const story = new FleetStory(store);
    const annotations = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`key${index}`, 'x'.repeat(1000)]));
    const names = Array.from({ length: 150 }, (_, index) => `vm-${String(index).padStart(3, '0')}`);
    for (const name of names)
      await story.requested(name, { spec: { labels: { all: 'yes' }, metadata: { annotations } } });
    await withModel(async (database) => {
      await projectInBatches(database, store, [100]);
      const reads = new SqlFleetReads(database, resources);
      for (const filter of [{}, { labels: [['all', 'yes']] as [string, string][] }]) {
        const seen: string[] = [];
        let after: string | undefined;
        do {
          const page = await reads
            .of(VM_KEY)
            .list({ ...filter, limit: 1000, ...(after === undefined ? {} : { after }) });
          expect(Buffer.byteLength(JSON.stringify(page.items))).toBeLessThan(4.3 * 1024 * 1024);
          seen.push(...page.items.map((vm) => vm.name));
          after = page.next;
        } while (after !== undefined);
        expect(seen).toEqual(names);
      }
    });
  });

  it('holds and adds numbers that are larger than any host should have', async () => {
    const store = createMemoryEventStore();
    const story = new FleetStory(store);
    const cpu = { ...inventoryOf('h1').cpu, count: 3_000_000_000 };
    for (const host of HOSTS) await story.host(host, { cpu, memoryMiB: 2_147_483_647, reservedMemoryMiB: 0 });
    await withModel(async (database) => {
      await projectInBatches(database, store, [5]);
      const { capacity } = await new SqlFleetReads(database, resources).stats();
      expect(capacity).toEqual({ cpus: 6_000_000_000, memoryMiB: 4_294_967_294 });
    });
  });

  it('is not stopped by text that PostgreSQL cannot hold', async () => {
    const store = createMemoryEventStore();
    const story = new FleetStory(store);
    const vmId = await story.requested('a');
    const failed = { operationId: operationIdOf('a'), step: 'start', code: 'HYPERVISOR_FAILED' as const };
    await story.onVm(vmId, {
      type: 'OperationFailed',
      data: { ...failed, reason: 'zero \u0000, half \ud83d', data: { 'key\u0000': 1 }, undone: [], left: [] },
    });
    await withModel(async (database) => {
      await projectInBatches(database, store, [5]);
      const operation = await new SqlFleetReads(database, resources).of(OPERATIONS).find(operationIdOf('a'));
      expect(operation?.error).toMatchObject({ detail: 'zero \ufffd, half \ufffd', data: { 'key\ufffd': 1 } });
    });
  });

  it('lists each VM once, whatever is created and deleted between the pages', async () => {
    const store = createMemoryEventStore();
    const story = new FleetStory(store);
    for (let index = 0; index < 60; index += 1) await story.requested(`vm-${String(index).padStart(3, '0')}`);
    await withModel(async (database) => {
      const reads = new SqlFleetReads(database, resources);
      await projectInBatches(database, store, [50]);
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await reads.of(VM_KEY).list({ limit: 7, ...(after === undefined ? {} : { after }) });
        seen.push(...page.items.map((vm) => vm.name));
        // One before the cursor, one behind it, and one goes that has been seen.
        await story.requested(`a-${seen.length}`);
        await story.requested(`z-${String(seen.length).padStart(3, '0')}`);
        await story.onVm(vmIdOf(seen.at(-2) ?? ''), { type: 'VmDeleted', data: {} });
        await projectInBatches(database, store, [50]);
        after = seen.length < 200 ? page.next : undefined;
      } while (after !== undefined);
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.filter((name) => name.startsWith('vm-'))).toHaveLength(60);
      expect([...seen]).toEqual([...seen].sort());
    });
  });

  it('finds who had a name at a moment, and every host of a name', async () => {
    let nowMs = Date.parse('2026-01-01T00:00:00.000Z');
    const store = createMemoryEventStore({ clock: { ...systemClock, epochMs: () => (nowMs += 1000) } });
    const story = new FleetStory(store);
    const bearers: StoredEvent[] = [];
    const successor = vmIdOf('another a');
    for (const vmId of [vmIdOf('a'), successor]) {
      await story.requested('a', { vmId });
      await story.onVm(vmId, { type: 'VmDeleted', data: {} });
      bearers.push(...(await store.read(`vm-${vmId}`)));
    }
    const h1 = await story.host('h1');
    const twin = await story.host('h2', { name: 'h1' });
    await withModel(async (database) => {
      await projectInBatches(database, store, [3]);
      const sql = new SqlFleetReads(database, resources);
      const memory = new MemoryFleetReads(store);
      const moments = bearers.flatMap(({ recordedAt }) =>
        [-1, 0, 1].map((offset) => new Date(Date.parse(recordedAt) + offset).toISOString()),
      );
      const found = await Promise.all(moments.map((moment) => sql.findVmNamedAt(DEFAULT_PROJECT, 'a', moment)));
      expect(found).toEqual(
        await Promise.all(moments.map((moment) => memory.findVmNamedAt(DEFAULT_PROJECT, 'a', moment))),
      );
      expect(new Set(found)).toEqual(new Set([undefined, vmIdOf('a'), successor]));
      expect(await sql.findVmLastNamed(DEFAULT_PROJECT, 'a')).toBe(successor);
      const [hosts, plain] = [sql.of(HOST_KEY), memory.of(HOST_KEY)];
      expect((await hosts.named('h1')).map((host) => host.id)).toEqual([h1, twin].sort());
      expect(await hosts.named('h1')).toEqual(await plain.named('h1'));
      expect(await hosts.find(twin)).toEqual(await plain.find(twin));
      expect(await sql.of(OPERATIONS).named('a')).toEqual([]);
      expect(await sql.of(VM_KEY).find('a')).toBeUndefined();
    });
  });

  it('finds by every filter what a plain search finds, page by page', async () => {
    const store = createMemoryEventStore();
    const story = new FleetStory(store);
    const h1 = await story.host('h1');
    await story.onHost(h1, { type: 'HostZoneChanged', data: { hostId: h1, zone: 'z1' } });
    const h2 = await story.host('h2');
    for (const [index, name] of ['a', 'b', 'c', 'd', 'e'].entries()) {
      await story.running(name, index % 2 === 0 ? h1 : h2, { labels: { tier: index < 3 ? 'web' : 'db', all: 'yes' } });
    }
    await story.requested('a', { project: 'other' });
    await story.onVm(
      vmIdOf('b'),
      { type: 'VmStopRequested', data: { mode: 'force', gracePeriodMs: 0 } },
      began(operationIdOf('stop-b'), 'vm.stop'),
    );
    await story.onHost(h2, { type: 'HostSuspected', data: { hostId: h2, missedHeartbeats: 3 } });
    // Of four hosts one lists no stray any more, and one has only such as are counted.
    const [h3, h4] = [await story.host('h3'), await story.host('h4')];
    const found = [
      [h1, 's1'],
      [h1, 's2'],
      [h2, 's1'],
      [h3, 's1'],
    ] as const;
    for (const [host, vm] of found) {
      await story.onStrays(host, strayFound(vmIdOf(vm), story.seen(host).source, 'unknown'));
    }
    await story.onStrays(h3, { type: 'StrayGone', data: { source: story.seen(h3).source, vmId: vmIdOf('s1') } });
    await story.onStrays(h4, { type: 'StraysLeftOut', data: { source: story.seen(h4).source, count: 2 } });
    const project = projectIdSchema.parse('other');
    await withModel(async (database) => {
      await projectInBatches(database, store, [9]);
      const sql = new SqlFleetReads(database, resources);
      const memory = new MemoryFleetReads(store);
      const all = async <Item>(
        list: (page: { limit: number; after?: string }) => Promise<{ items: readonly Item[]; next?: string }>,
      ) => {
        const found: Item[] = [];
        for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; isFirst = false) {
          const page = await list({ limit: 2, ...(after === undefined ? {} : { after }) });
          found.push(...page.items);
          after = page.next;
        }
        return found;
      };
      const vmQueries = [
        {},
        { project },
        { name: 'a' },
        { host: h1 },
        { observed: 'RUNNING' as const },
        { desired: 'STOPPED' as const },
        { labels: [['tier', 'web']] as [string, string][] },
        {
          labels: [
            ['tier', 'web'],
            ['all', 'yes'],
          ] as [string, string][],
          host: h1,
        },
        { labels: [['tier', "x' OR '1'='1"]] as [string, string][] },
      ];
      for (const query of vmQueries) {
        expect(await all((page) => sql.of(VM_KEY).list({ ...query, ...page }))).toEqual(
          await all((page) => memory.of(VM_KEY).list({ ...query, ...page })),
        );
      }
      const operationQueries = [
        {},
        { project },
        { subject: vmIdOf('b') },
        { subjectKind: 'vm' },
        { subjectKind: 'image' },
        { kind: 'vm.stop' as const },
        { state: 'SUCCEEDED' as const },
        { open: true },
        { open: false },
      ];
      for (const query of operationQueries) {
        expect(await all((page) => sql.of(OPERATIONS).list({ ...query, ...page }))).toEqual(
          await all((page) => memory.of(OPERATIONS).list({ ...query, ...page })),
        );
      }
      for (const query of [{}, { name: 'h2' }, { zone: 'z1' }, { liveness: 'SUSPECTED' as const }]) {
        expect(await all((page) => sql.of(HOST_KEY).list({ ...query, ...page }))).toEqual(
          await all((page) => memory.of(HOST_KEY).list({ ...query, ...page })),
        );
      }
      const strayQueries = [
        [{}, [h1, h2, h4]],
        [{ host: h2 }, [h2]],
        [{ host: h3 }, []],
        [{ vm: vmIdOf('s1') }, [h1, h2]],
        [{ vm: vmIdOf('s2') }, [h1]],
        [{ vm: vmIdOf('a') }, []],
      ] as const;
      for (const [query, hosts] of strayQueries) {
        const found = await all((page) => sql.of(STRAYS).list({ ...query, ...page }));
        expect(found).toEqual(await all((page) => memory.of(STRAYS).list({ ...query, ...page })));
        expect(found.map(({ id }) => id)).toEqual([...hosts].sort());
      }
      for (const cursor of ['["x"]', vmIdOf('missing')]) {
        const after = Buffer.from(cursor).toString('base64url');
        for (const reads of [sql, memory])
          await expect(reads.of(VM_KEY).list({ after })).rejects.toMatchObject({
            rejection: { code: 'INVALID_FIELD', field: '?after' },
          });
      }
    });
  });
});
