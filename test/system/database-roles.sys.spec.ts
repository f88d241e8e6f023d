/** Each service of a running fleet is a role of its own in PostgreSQL, and that role is held to what the service does. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { builtServices, streamKinds, type BuiltService } from '@drover/contracts';
import { openPostgresEventStore } from '@drover/event-store';
import { anEvent, aStream } from '@drover/event-store/testing';
import { databaseUrlFileOf } from '@drover/standalone/infrastructure';
import { Fleet } from '@drover/testing';
import pg from 'pg';

const roleOf = (service: BuiltService) => `drover_${service.replace('-', '_')}`;

/** By the name that a program connects under. */
const rolesOf: Readonly<Record<string, string>> = {
  ...Object.fromEntries(builtServices.map((service) => [`drover-${service}`, roleOf(service)])),
  // The read model's.
  'drover-read-model': roleOf('api-gateway'),
};

const ownedBy = [
  ['dead_letters', 'source'],
  ['dropped_letters', 'source'],
  ['fold_snapshots', 'service'],
  ['fold_states', 'service'],
] as const;

/** A row of this service in each of those tables. */
const ownRows = (service: BuiltService, mark = 'spec') => [
  `INSERT INTO event_store.dead_letters (source, subject, digest, reason, payload) VALUES ('${service}', '${mark}', '', '', '')`,
  `INSERT INTO event_store.dropped_letters (source, subject, letters) VALUES ('${service}', '${mark}', 1)`,
  `INSERT INTO event_store.fold_snapshots (service, version, position) VALUES ('${service}', '${mark}', '0')`,
  `INSERT INTO event_store.fold_states (service, version, kind, id, revision, position, first_position, state)
   VALUES ('${service}', '${mark}', 'vm', '${mark}', 0, '0', '0', '{}')`,
];

describe('the database roles of a fleet', () => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await Fleet.start({ hypervisor: 'simulated' });
    await fleet.api.succeed('POST', '/vms', { name: 'first' });
  }, 120_000);
  afterAll(() => fleet?.stop());

  async function query<Row extends pg.QueryResultRow>(url: string, text: string): Promise<readonly Row[]> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  }
  const urlOf = (service: BuiltService) => readFile(databaseUrlFileOf(fleet.home, service), 'utf8');
  /** Every connection but this one: which program it says it is, and as which role it is known. */
  const connected = () =>
    query<{ application_name: string; usename: string }>(
      fleet.databaseUrl,
      `SELECT DISTINCT application_name, usename FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY application_name`,
    );

  it('are one per service, and no service is the owner or a superuser', async () => {
    const found = await connected();
    expect(found).toEqual(
      found.map(({ application_name: name }) => ({ application_name: name, usename: rolesOf[name] })),
    );
    expect([...new Set(found.map(({ usename }) => usename))].sort()).toEqual(builtServices.map(roleOf).sort());
    const powers = await query(
      fleet.databaseUrl,
      `SELECT rolname FROM pg_roles WHERE rolname LIKE 'drover\\_%'
       AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR pg_has_role(oid, 'drover', 'MEMBER'))`,
    );
    expect(powers).toEqual([]);
  });

  it('go with the process: a service that is gone leaves no connection of its role', async () => {
    await fleet.endPart('scheduler');
    while ((await connected()).some(({ usename }) => usename === roleOf('scheduler')));
    const others = builtServices.filter((service) => service !== 'scheduler').map(roleOf);
    expect([...new Set((await connected()).map(({ usename }) => usename))].sort()).toEqual(others.sort());
    await fleet.startPart('scheduler');
  });

  it.each(builtServices)('refuse %s to change what is stored', async (service) => {
    const url = await urlOf(service);
    expect((await query(url, 'SELECT FROM event_store.events LIMIT 1')).length).toBe(1);
    for (const statement of [
      "UPDATE event_store.events SET type = 'VmStopped'",
      'DELETE FROM event_store.events',
      'TRUNCATE event_store.events',
      'INSERT INTO event_store.events SELECT * FROM event_store.events',
      'UPDATE event_store.stream_writers SET writer = session_user',
    ]) {
      await expect(query(url, statement).then(() => statement)).rejects.toMatchObject({ code: '42501' });
    }
  });

  it.each(builtServices)('refuse %s to append to any kind of stream that another service writes', async (service) => {
    const store = await openPostgresEventStore({ connectionString: await urlOf(service) });
    try {
      const foreign = streamKinds.flatMap(({ name, owner }) => (owner === service ? [] : [name as string]));
      expect(foreign.length).toBeGreaterThan(1);
      for (const kind of [...foreign, 'undeclared']) {
        const stream = aStream(kind);
        await expect(store.append(stream, 'any', [anEvent()])).rejects.toThrow('does not write its kind');
        expect(await store.read(stream)).toEqual([]);
      }
    } finally {
      await store.close();
    }
  });

  describe('over the rows that are a service’s own', () => {
    beforeAll(async () => {
      for (const service of builtServices)
        for (const insert of ownRows(service)) await query(fleet.databaseUrl, insert);
    });

    it.each(builtServices)('show %s its own dead letters and snapshots of folds alone', async (service) => {
      const url = await urlOf(service);
      for (const [table, owner] of ownedBy) {
        const rows = await query(url, `SELECT DISTINCT ${owner} AS owner FROM event_store.${table}`);
        expect({ table, rows }).toEqual({ table, rows: [{ owner: service }] });
      }
      const another = builtServices.find((name) => name !== service) ?? service;
      for (const insert of ownRows(another, 'forged')) {
        await expect(query(url, insert).then(() => insert)).rejects.toMatchObject({ code: '42501' });
      }
    });
  });
});
