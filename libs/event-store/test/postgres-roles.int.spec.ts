import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { builtServices, forEachService, START, type BuiltService } from '@drover/contracts';
import { startPostgres, type PostgresServer } from '@drover/testing';
import pg from 'pg';
import { openPostgresEventStore, prepareStore, type PostgresEventStore, type PreparedStore } from '../src/index.js';
import { anEvent, aStream } from '../src/testing/index.js';

const passwords = forEachService((service) => `secret of ${service}`);
const refused = { code: '42501' };

describe('roles of the postgres event store', () => {
  let server: PostgresServer;
  let ownerUrl = '';
  let prepared: PreparedStore;
  const clients: pg.Client[] = [];
  const stores: PostgresEventStore[] = [];

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
    const kinds = { 'api-gateway': 'project', 'vm-manager': 'vm', scheduler: 'rules', 'ha-manager': 'host' };
    for (const [service, kind] of Object.entries(kinds) as [BuiltService, string][]) {
      const store = await open(prepared.urls[service]);
      expect(await store.append(aStream(kind), 'no-stream', [anEvent()])).toMatchObject({ kind: 'appended' });
    }
    const { events } = await (await open(prepared.urls.scheduler)).readAll(START);
    expect(events.map((event) => event.stream.split('-')[0])).toEqual(Object.values(kinds));
  });

  it("refuse an append to another service's kind, and harm nobody who appends together with it", async () => {
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

  it('run no function that a service has put in the way of the owner or of another service', async () => {
    const gateway = await connect(prepared.urls['api-gateway']);
    const owner = (await (await connect(ownerUrl)).query<{ name: string }>('SELECT current_user AS name')).rows[0]
      ?.name;
    for (const schema of [owner ?? '', 'fleet one_vm_manager']) {
      await gateway.query(`CREATE SCHEMA "${schema}"`);
      await gateway.query(
        `CREATE FUNCTION "${schema}".hashtextextended(text, integer) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE 'planted'; END $$`,
      );
    }
    await prepareStore({ ownerUrl, passwords });
    const { foldSnapshots } = await open(prepared.urls['vm-manager']);
    expect(await foldSnapshots.save({ service: 'vm-manager', version: '1' }, START, [])).toBe(true);
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
    await client.query(`CREATE SCHEMA own;
      CREATE FUNCTION own.split_part(text, text, int) RETURNS text LANGUAGE sql AS $$ SELECT 'project' $$;
      SET search_path = own, pg_catalog`);
    const id = anEvent().id;
    const { rows } = await client.query<{ outcomes: number[] }>(
      `SELECT * FROM event_store.append_events(1000, ARRAY['vm-1'], ARRAY[1], ARRAY[-2], ARRAY[1], ARRAY[1], ARRAY[0],
        ARRAY[$1::uuid], ARRAY['VmStarted'], ARRAY[1], ARRAY['{}'::json], ARRAY['{}'::json])`,
      [id],
    );
    expect(rows[0]?.outcomes).toEqual([4]);
  });

  it('show each service its own dead letters alone', async () => {
    const [mine, others] = [await open(prepared.urls['vm-manager']), await open(prepared.urls['ha-manager'])];
    const letter = { subject: 'drover.x', reason: 'unreadable', payload: Buffer.from('x') };
    await mine.deadLetters.keep({ ...letter, source: 'vm-manager' });
    await others.deadLetters.keep({ ...letter, source: 'ha-manager' });
    expect((await mine.deadLetters.list()).map(({ source }) => source)).toEqual(['vm-manager']);
    await expect(mine.deadLetters.keep({ ...letter, source: 'ha-manager' })).rejects.toMatchObject({ cause: refused });
  });

  it('let api-gateway alone make schemas, for its read models', async () => {
    const gateway = await connect(prepared.urls['api-gateway']);
    await gateway.query('CREATE SCHEMA fleet; CREATE SCHEMA fleet_next; DROP SCHEMA fleet');
    await gateway.query('ALTER SCHEMA fleet_next RENAME TO fleet');
    const other = await connect(prepared.urls.scheduler);
    await expect(other.query('CREATE SCHEMA other')).rejects.toMatchObject(refused);
    await expect(other.query('CREATE TABLE fleet.mine (id int)')).rejects.toMatchObject(refused);
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
});

/** Whether this is the password whose proof (RFC 5803) PostgreSQL keeps. The server of a test asks nobody for one. */
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
