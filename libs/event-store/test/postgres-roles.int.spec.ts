import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { builtServices, forEachService, START, streamKinds, type BuiltService } from '@drover/contracts';
import { startPostgres, type PostgresServer } from '@drover/testing';
import pg from 'pg';
import {
  openPostgresEventStore,
  openPostgresLeaseStore,
  prepareStore,
  type PostgresEventStore,
  type PreparedStore,
} from '../src/index.js';
import { anEvent, aStream } from '../src/testing/index.js';

const passwords = forEachService((service) => `secret of ${service}`);
const refused = { code: '42501' };

describe('roles of the postgres event store', () => {
  let server: PostgresServer;
  let ownerUrl = '';
  let prepared: PreparedStore;
  const clients: pg.Client[] = [];
  const stores: Pick<PostgresEventStore, 'close'>[] = [];

  async function connect(connectionString: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString });
    await client.connect();
    clients.push(client);
    return client;
  }

  async function open(connectionString: string): Promise<PostgresEventStore> {
    const store = await openPostgresEventStore({ connectionString });
    stores.push(store);
    return store;
  }

  async function keeps(service: BuiltService, password: string): Promise<boolean> {
    const administrator = await connect(server.connectionString);
    const role = `fleet one_${service.replaceAll('-', '_')}`;
    const { rows } = await administrator.query<{ kept: string }>(
      'SELECT rolpassword AS kept FROM pg_authid WHERE rolname = $1',
      [role],
    );
    return isPasswordOf(rows[0]?.kept ?? '', password);
  }

  /** The append function, with whatever a service's role may give it. */
  async function appendAs(
    client: pg.Client,
    call: { streams: string[]; streamOf: number[]; counts: number[]; events: number },
  ): Promise<readonly number[] | undefined> {
    const each = <T>(value: () => T) => Array.from({ length: call.events }, value);
    const { data, meta } = anEvent();
    const { rows } = await client.query<{ outcomes: number[] }>(
      `SELECT * FROM event_store.append_events(1000, $1::text[], $2::int[], $3::int[], $4::int[], $5::uuid[], $6::text[],
        $7::int[], $8::json[], $9::json[])`,
      [
        ...[call.streams, call.streamOf, call.streamOf.map(() => -2), call.counts, each(() => anEvent().id)],
        ...[each(() => 'VmStarted'), each(() => 1), each(() => JSON.stringify(data)), each(() => JSON.stringify(meta))],
      ],
    );
    return rows[0]?.outcomes;
  }

  beforeAll(async () => {
    server = await startPostgres();
    ownerUrl = await server.createDatabase('fleet one');
    // All at once, as several launchers might.
    [prepared = { urls: {} as PreparedStore['urls'] }] = await Promise.all(
      [1, 2, 3].map(() => prepareStore({ ownerUrl, passwords })),
    );
  }, 60_000);
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await Promise.all(clients.map((client) => client.end()));
    await server.stop();
  });

  it('let each service append to the kinds that it writes, and read everything', async () => {
    for (const { name, owner } of streamKinds) {
      const store = await open(prepared.urls[owner]);
      expect(await store.append(aStream(name), 'no-stream', [anEvent()])).toMatchObject({ kind: 'appended' });
    }
    const { events } = await (await open(prepared.urls.scheduler)).readAll(START);
    expect(events.map((event) => event.stream.split('-')[0])).toEqual(streamKinds.map(({ name }) => name));
  });

  it("refuse an append to another service's kind, and harm no append that comes with it", async () => {
    const store = await open(prepared.urls['vm-manager']);
    const [own, foreign, unknown] = [aStream('vm'), aStream('host'), aStream('drs')];
    const results = await Promise.allSettled(
      [own, foreign, unknown, own].map((stream) => store.append(stream, 'any', [anEvent()])),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(await store.read(own)).toHaveLength(2);
    expect(await store.read(foreign)).toEqual([]);
    await expect(store.append(foreign, 'no-stream', [anEvent()])).rejects.toThrow('does not write its kind');
  });

  it('leave no place where a service could put a function in the way of the owner or of another service', async () => {
    const owner = (await (await connect(ownerUrl)).query<{ name: string }>('SELECT current_user AS name')).rows[0]
      ?.name;
    for (const service of builtServices) {
      const client = await connect(prepared.urls[service]);
      for (const schema of [owner ?? '', 'fleet one_vm_manager', 'own'])
        await expect(client.query(`CREATE SCHEMA "${schema}"`)).rejects.toMatchObject(refused);
      const planted = `FUNCTION public.hashtextextended(text, integer) RETURNS bigint LANGUAGE sql AS 'SELECT 1'`;
      await expect(client.query(`CREATE ${planted}`)).rejects.toMatchObject(refused);
      const { rows } = await client.query<{ search_path: string }>('SHOW search_path');
      expect(rows).toEqual([{ search_path: 'pg_catalog' }]);
    }
  });

  it.each(builtServices)('leave %s no other way to change the store', async (service) => {
    const client = await connect(prepared.urls[service]);
    const statements = [
      'INSERT INTO event_store.events SELECT * FROM event_store.events',
      "UPDATE event_store.events SET type = 'VmStopped'",
      'DELETE FROM event_store.events',
      'TRUNCATE event_store.events',
      'DO $$ BEGIN LOCK TABLE event_store.events IN ACCESS EXCLUSIVE MODE; END $$',
      'SELECT FROM event_store.head FOR UPDATE',
      `INSERT INTO event_store.stream_writers VALUES ('drs', current_user)`,
      'UPDATE event_store.stream_writers SET writer = current_user',
      'DELETE FROM event_store.schema_migrations',
      'ALTER TABLE event_store.events DISABLE TRIGGER ALL',
      'DROP TABLE event_store.events',
      'CREATE TABLE event_store.mine (id int)',
      'SET session_replication_role = replica',
      'CREATE ROLE another',
      "COPY (SELECT 1) TO PROGRAM 'true'",
    ];
    for (const statement of statements) {
      await expect(client.query(statement).then(() => statement)).rejects.toMatchObject(refused);
    }
  });

  it('keep the owner from changing a stored event by mistake', async () => {
    const owner = await connect(ownerUrl);
    for (const statement of ["UPDATE event_store.events SET type = 'X'", 'DELETE FROM event_store.events']) {
      await expect(owner.query(statement)).rejects.toMatchObject(refused);
    }
    await expect(owner.query('TRUNCATE event_store.events')).rejects.toMatchObject(refused);
  });

  it('do not let a function of the same name come before those that the append function means', async () => {
    const client = await connect(prepared.urls['api-gateway']);
    await client.query(`
      CREATE FUNCTION drover_vm.split_part(text, text, int) RETURNS text LANGUAGE sql AS $$ SELECT 'project' $$;
      SET search_path = drover_vm, pg_catalog`);
    expect(await appendAs(client, { streams: ['vm-1'], streamOf: [1], counts: [1], events: 1 })).toEqual([4]);
    await client.query('DROP FUNCTION drover_vm.split_part');
  });

  describe('to a service that calls the append function itself', () => {
    const two = ['vm-1', 'vm-2'];

    it('give no say in where its events go: revisions and positions follow without a gap', async () => {
      const client = await connect(prepared.urls['vm-manager']);
      const reader = await open(prepared.urls['vm-manager']);
      const streams = [aStream(), aStream()];
      const before = BigInt(await reader.head());
      const call = { streams, streamOf: [1, 2, 1], counts: [2, 1, 3], events: 6 };
      expect(await appendAs(client, call)).toEqual([1, 1, 1]);
      const [first = [], second = []] = await Promise.all(streams.map((stream) => reader.read(stream)));
      expect(first.map(({ revision }) => revision)).toEqual([0, 1, 2, 3, 4]);
      expect(second.map(({ revision }) => revision)).toEqual([0]);
      const positions = [...first.slice(0, 2), ...second, ...first.slice(2)].map(({ position }) => BigInt(position));
      expect(positions).toEqual([1n, 2n, 3n, 4n, 5n, 6n].map((step) => before + step));
    });

    it.each([
      ['fewer than its events', { streams: two, streamOf: [1], counts: [1], events: 2 }],
      ['more than its events', { streams: two, streamOf: [1], counts: [2_000_000_000], events: 1 }],
      ['none', { streams: two, streamOf: [1, 2], counts: [0, 1], events: 1 }],
      ['less than none', { streams: two, streamOf: [1, 2], counts: [3, -2], events: 1 }],
      ['one that is missing', { streams: two, streamOf: [1, 2], counts: [1], events: 1 }],
    ])('refuse counts that say %s', async (_what, call) => {
      const client = await connect(prepared.urls['vm-manager']);
      const reader = await open(prepared.urls['vm-manager']);
      const before = await reader.head();
      await expect(appendAs(client, call)).rejects.toMatchObject({ code: '22023' });
      expect(await reader.head()).toBe(before);
    });

    it('take the lock of all appends away where it keeps its transaction open and says nothing', async () => {
      const client = await connect(prepared.urls['vm-manager']);
      const cutOff = new Promise<Error>((resolve) => client.on('error', resolve));
      await client.query('BEGIN');
      const stream = aStream();
      await appendAs(client, { streams: [stream], streamOf: [1], counts: [1], events: 1 });
      const others = await openPostgresEventStore({
        ...{ connectionString: prepared.urls['ha-manager'], appendTimeoutMs: 60_000 },
      });
      stores.push(others);
      expect(await others.append(aStream('host'), 'no-stream', [anEvent()])).toMatchObject({ kind: 'appended' });
      expect(await cutOff).toMatchObject({ code: '25P03' });
      expect(await others.read(stream)).toEqual([]);
    }, 70_000);
  });

  it('cut off a service that stands still in any transaction', async () => {
    for (const service of builtServices) {
      const { rows } = await (
        await connect(prepared.urls[service])
      ).query<{ limit: string }>(`SELECT current_setting('idle_in_transaction_session_timeout') AS limit`);
      expect(rows).toEqual([{ limit: '1min' }]);
    }
  });

  it('show each service its own dead letters alone', async () => {
    const [mine, others] = [await open(prepared.urls['vm-manager']), await open(prepared.urls['ha-manager'])];
    const letter = { subject: 'drover.x', reason: 'unreadable', payload: Buffer.from('x') };
    await mine.deadLetters.keep({ ...letter, source: 'vm-manager' });
    await others.deadLetters.keep({ ...letter, source: 'ha-manager' });
    expect((await mine.deadLetters.list()).map(({ source }) => source)).toEqual(['vm-manager']);
    await expect(mine.deadLetters.keep({ ...letter, source: 'ha-manager' })).rejects.toMatchObject({ cause: refused });
  });

  it('let each service write its own leases, and neither write, delete nor lock those of another', async () => {
    const keys = { 'vm-manager': 'vm-manager', 'api-gateway': 'api-gateway.relay' } as const;
    const leases = forEachService((service) => {
      const leaseStore = openPostgresLeaseStore({ connectionString: prepared.urls[service], timeoutMs: 5_000 });
      stores.push(leaseStore);
      return leaseStore;
    });
    for (const [service, key] of Object.entries(keys) as [BuiltService, string][]) {
      const first = await leases[service].write(key, 'held', 0);
      expect(await leases[service].write(key, 'renewed', Number(first))).toBeGreaterThan(Number(first));
    }
    const held = await Promise.all(Object.values(keys).map((key) => leases.scheduler.read(key)));
    const thief = await connect(prepared.urls.scheduler);
    for (const [index, key] of Object.values(keys).entries()) {
      for (const expected of [0, held[index]?.revision ?? 0])
        await expect(leases.scheduler.write(key, 'stolen', expected)).rejects.toMatchObject(refused);
    }
    for (const key of ['scheduler-2', 'schedule', '', 'vm-manager.scheduler', 'SCHEDULER'])
      await expect(leases.scheduler.write(key, 'stolen', 0)).rejects.toMatchObject(refused);
    for (const statement of [
      "UPDATE event_store.leases SET value = 'stolen'",
      'DELETE FROM event_store.leases',
      'TRUNCATE event_store.leases',
      'PERFORM FROM event_store.leases FOR UPDATE',
      'LOCK TABLE event_store.leases IN ROW SHARE MODE',
      'LOCK TABLE event_store.leases IN SHARE MODE',
      'LOCK TABLE event_store.leases IN ACCESS EXCLUSIVE MODE',
      "PERFORM setval('event_store.leases_revision_seq', 1)",
    ]) {
      const tried = thief.query(`DO $do$ BEGIN ${statement}; END $do$`);
      await expect(tried.then(() => statement)).rejects.toMatchObject(refused);
    }
    expect(await Promise.all(Object.values(keys).map((key) => leases.scheduler.read(key)))).toEqual(held);
  });

  it('let api-gateway alone make tables, in the schemas of its read models, which stay the owner’s', async () => {
    const gateway = await connect(prepared.urls['api-gateway']);
    await gateway.query('CREATE TABLE drover_vm_next.mine (id int)');
    await gateway.query('ALTER TABLE drover_vm_next.mine SET SCHEMA drover_vm');
    for (const change of ['DROP SCHEMA drover_vm', 'ALTER SCHEMA drover_vm RENAME TO another'])
      await expect(gateway.query(change)).rejects.toMatchObject(refused);
    const other = await connect(prepared.urls.scheduler);
    await expect(other.query('CREATE TABLE drover_vm.its (id int)')).rejects.toMatchObject(refused);
    await expect(other.query('SELECT FROM drover_vm.mine')).rejects.toMatchObject(refused);
    await gateway.query('DROP TABLE drover_vm.mine');
  });

  it('take the new passwords of the next time, while nothing else changes', async () => {
    const changed = { ...passwords, scheduler: 'another' };
    const again = await prepareStore({ ownerUrl, passwords: changed });
    expect(await keeps('scheduler', 'another')).toBe(true);
    expect(await keeps('scheduler', passwords.scheduler)).toBe(false);
    expect(await keeps('vm-manager', passwords['vm-manager'])).toBe(true);
    expect((await (await open(again.urls.scheduler)).readAll(START)).events.length).toBeGreaterThan(0);
    await prepareStore({ ownerUrl, passwords });
  });

  it('are left out, and the reason told, where the owner may not make any', async () => {
    const administrator = await connect(server.connectionString);
    await administrator.query("CREATE ROLE plain LOGIN PASSWORD 'p'");
    const url = new URL(await server.createDatabase('plain'));
    await administrator.query('ALTER DATABASE plain OWNER TO plain');
    url.username = 'plain';
    url.password = 'p';
    const without = await prepareStore({ ownerUrl: url.href, passwords });
    expect(without).toMatchObject({
      urls: { scheduler: url.href },
      withoutRoles: 'the role plain may not create roles: ALTER ROLE plain CREATEROLE',
    });
    const store = await open(without.urls['vm-manager']);
    expect(await store.append(aStream(), 'no-stream', [anEvent()])).toMatchObject({ kind: 'appended' });
    await administrator.query('ALTER ROLE plain CREATEROLE');
    const withRoles = await prepareStore({ ownerUrl: url.href, passwords });
    expect(withRoles.withoutRoles).toBeUndefined();
    const own = await open(withRoles.urls['vm-manager']);
    expect(await own.append(aStream(), 'no-stream', [anEvent()])).toMatchObject({ kind: 'appended' });
  });

  it('do not make the tables where the owner has not: the service is told what to do', async () => {
    const empty = new URL(await server.createDatabase('empty'));
    const { username, password } = new URL(prepared.urls['vm-manager']);
    Object.assign(empty, { username, password });
    await expect(open(empty.href)).rejects.toMatchObject({ cause: { name: 'StoreDefect' } });
  });

  it.each([
    ['whose migration was another one', "UPDATE event_store.schema_migrations SET digest = 'of another build'"],
    [
      'made by a build that kept no digest of its migration',
      'ALTER TABLE event_store.schema_migrations DROP COLUMN digest',
    ],
  ])('are given no store %s: what its tables and functions mean is not known', async (what, asThen) => {
    const ownerUrl = await server.createDatabase(`made_by_another_build_${what.length}`);
    const { urls } = await prepareStore({ ownerUrl, passwords });
    const administrator = await connect(ownerUrl);
    await administrator.query(asThen);
    const refusal = {
      cause: { name: 'StoreDefect', message: expect.stringContaining('was made by a build whose tables') },
    };
    await expect(prepareStore({ ownerUrl, passwords })).rejects.toMatchObject(refusal);
    await expect(open(urls['vm-manager'])).rejects.toMatchObject(refusal);
  });
});

/** Whether this is the password whose proof (RFC 5803) PostgreSQL keeps. The server of a test asks no client for one. */
function isPasswordOf(kept: string, password: string): boolean {
  const {
    count = '',
    salt = '',
    stored,
  } = /^SCRAM-SHA-256\$(?<count>\d+):(?<salt>[^$]+)\$(?<stored>[^:]+):/.exec(kept)?.groups ?? {};
  const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(count), 32, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  return createHash('sha256').update(clientKey).digest('base64') === stored;
}
