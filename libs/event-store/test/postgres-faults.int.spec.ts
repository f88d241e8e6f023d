import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';
import { Fault, START, type StoredEvent } from '@drover/contracts';
import { startPostgres, type PostgresServer } from '@drover/testing';
import pg from 'pg';
import { openPostgresEventStore, type EventStore, type PostgresEventStore } from '../src/index.js';
import { anEvent, aStream, readEverything } from '../src/testing/index.js';

const folder = import.meta.dirname;

describe('postgres event store, when the database fails', () => {
  let server: PostgresServer;
  let schema = '';
  let schemas = 0;
  const opened: PostgresEventStore[] = [];

  async function open(options: { readonly patienceMs?: number } = {}): Promise<PostgresEventStore> {
    // Polls rarely: what must come soon must come by hint, also after a reconnect.
    const base = { connectionString: server.connectionString, schema, patienceMs: 20_000, pollIntervalMs: 1_000 };
    const store = await openPostgresEventStore({ ...base, ...options });
    opened.push(store);
    return store;
  }

  beforeAll(async () => {
    server = await startPostgres();
    // The processes below run what is built.
    await promisify(execFile)(process.execPath, [path.join(folder, '../../../tools/build.mjs')]);
  }, 60_000);
  afterAll(async () => server.stop());
  beforeEach(() => {
    schemas += 1;
    schema = `store_${schemas}`;
  });
  afterEach(async () => {
    await server.start();
    await Promise.all(opened.splice(0).map((store) => store.close()));
  }, 30_000);

  /** Appends one event after the other in several streams until told to stop; gives the ids acknowledged. */
  function keepAppending(store: EventStore, lanes: number) {
    const acknowledged: string[] = [];
    let isOver = false;
    const lane = async () => {
      const stream = aStream();
      for (let n = 0; !isOver; n += 1) {
        const event = anEvent({ data: { n } });
        const result = await store.append(stream, n === 0 ? 'no-stream' : n - 1, [event]);
        if (result.kind !== 'appended') throw new Error(`conflict in a stream of its own at ${n}`);
        acknowledged.push(event.id);
      }
    };
    const running = Promise.all(Array.from({ length: lanes }, lane));
    return {
      acknowledged,
      async more(count: number): Promise<void> {
        const target = acknowledged.length + count;
        await Promise.race([until(() => acknowledged.length >= target), running]);
      },
      async end(): Promise<void> {
        isOver = true;
        await running;
      },
    };
  }

  function follow(store: EventStore) {
    const events: StoredEvent[] = [];
    const subscription = store.subscribe(START, (batch) => {
      events.push(...batch);
    });
    return { subscription, events };
  }

  it('goes on by itself after a restart during appends and subscriptions', async () => {
    const [writer, reader] = [await open(), await open()];
    const followers = [follow(writer), follow(reader)];
    const appending = keepAppending(writer, 16);
    for (let restarts = 0; restarts < 2; restarts += 1) {
      await appending.more(200);
      await server.restart();
    }
    await appending.more(200);
    await appending.end();
    await expectExactly(reader, appending.acknowledged);
    for (const { subscription, events } of followers) {
      await subscription.caughtUp();
      expect(events.map((event) => event.id)).toEqual((await readEverything(reader)).map((event) => event.id));
    }
  }, 60_000);

  it('loses nothing acknowledged and stores nothing twice when the database is killed with -9', async () => {
    const store = await open();
    const follower = follow(store);
    const appending = keepAppending(store, 16);
    for (let kills = 0; kills < 2; kills += 1) {
      await appending.more(200);
      await server.kill9();
      await server.start();
    }
    await appending.more(200);
    await appending.end();
    await follower.subscription.caughtUp();
    expect(follower.events.map((event) => event.id).toSorted()).toEqual(appending.acknowledged.toSorted());
    await expectExactly(store, appending.acknowledged);
  }, 60_000);

  it('keeps one order while two processes append at once', async () => {
    const store = await open();
    const { subscription, events } = follow(store);
    const acknowledged: string[] = [];
    const processes = [1, 2].map(() => {
      const arguments_ = [server.connectionString, schema, '8', '50'];
      const child = fork(path.join(folder, 'append-process.mjs'), arguments_, { execArgv: [] });
      child.on('message', (id: string) => acknowledged.push(id));
      return once(child, 'exit');
    });
    for (const exit of processes) expect(await exit).toEqual([0, null]);
    await subscription.caughtUp();
    expect(acknowledged).toHaveLength(800);
    expect(events.map((event) => event.id).toSorted()).toEqual(acknowledged.toSorted());
    expect(events.map((event) => Number(event.position))).toEqual(acknowledged.map((_, index) => index + 1));
    await expectExactly(store, acknowledged);
  }, 60_000);

  it('says that nothing was applied when no database answers, and works again when one does', async () => {
    const store = await open({ patienceMs: 200 });
    const stream = aStream();
    await store.append(stream, 'no-stream', [anEvent()]);
    await server.shutDown();
    const refused = { name: 'Fault', code: 'STORE_UNAVAILABLE', outcome: 'not-applied' };
    // The first may meet the connection while it dies.
    await store
      .append(stream, 0, [anEvent()])
      .catch((error: unknown) => expect(error).toMatchObject({ name: 'Fault' }));
    await expect(store.append(stream, 0, [anEvent()])).rejects.toMatchObject(refused);
    await expect(store.read(stream)).rejects.toMatchObject(refused);
    await expect(store.readAll(START)).rejects.toMatchObject(refused);
    await expect(store.deadLetters.count()).rejects.toMatchObject(refused);
    await expect(open({ patienceMs: 100 })).rejects.toMatchObject(refused);
    await server.start();
    // So little patience may end before a server that has just started has answered; the repeat is the same event.
    const event = anEvent();
    const append = (): ReturnType<typeof store.append> =>
      store.append(stream, 0, [event]).catch((error: unknown) => {
        if (error instanceof Fault) return append();
        throw error;
      });
    expect(await append()).toMatchObject({ kind: 'appended', revision: 1 });
  }, 30_000);

  it('says that the outcome is unknown when the answer does not come, and recognises the repeat', async () => {
    const store = await open({ patienceMs: 200 });
    const patient = await open();
    const [stream, event] = [aStream(), anEvent()];
    const blocker = new pg.Client({ connectionString: server.connectionString });
    await blocker.connect();
    await blocker.query(`BEGIN; SELECT FROM ${schema}.head FOR UPDATE`);
    const unknown = { name: 'Fault', code: 'STORE_UNAVAILABLE', outcome: 'unknown' };
    await expect(store.append(stream, 'no-stream', [event])).rejects.toMatchObject(unknown);
    const repeated = patient.append(stream, 'no-stream', [event]);
    await blocker.query('COMMIT');
    await blocker.end();
    expect(await repeated).toMatchObject({ kind: 'appended', revision: 0 });
    expect(await store.read(stream)).toHaveLength(1);
  }, 30_000);

  it('lets the others of a group through when the database refuses one', async () => {
    const store = await open();
    await administer(server, [
      `CREATE FUNCTION ${schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN IF NEW.type = 'VmRefused' THEN RAISE EXCEPTION 'refused'; END IF; RETURN NEW; END $$`,
      `CREATE TRIGGER refuse BEFORE INSERT ON ${schema}.events FOR EACH ROW EXECUTE FUNCTION ${schema}.refuse()`,
    ]);
    const results = await Promise.allSettled(
      ['VmStarted', 'VmRefused', 'VmStarted'].map((type) => store.append(aStream(), 'no-stream', [anEvent({ type })])),
    );
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await readEverything(store)).toHaveLength(2);
  });

  it('ends a subscription that meets an event it cannot turn into its newest version', async () => {
    const store = await open();
    const failing = await openPostgresEventStore({
      connectionString: server.connectionString,
      schema,
      upcasters: [
        {
          type: 'VmBroken',
          fromVersion: 1,
          upcast: () => {
            throw new Error('no such field');
          },
        },
      ],
    });
    opened.push(failing);
    const subscription = failing.subscribe(START, () => undefined);
    await subscription.caughtUp();
    await store.append(aStream(), 'no-stream', [anEvent({ type: 'VmBroken' })]);
    await expect(subscription.closed).rejects.toThrow();
  });

  it('commits with the disk even where the server would not wait for it', async () => {
    await administer(server, ['ALTER SYSTEM SET synchronous_commit = off', 'SELECT pg_reload_conf()']);
    const store = await open();
    await administer(server, [
      `CREATE TABLE ${schema}.seen (setting text)`,
      `CREATE FUNCTION ${schema}.note() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN INSERT INTO ${schema}.seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$`,
      `CREATE TRIGGER note AFTER INSERT ON ${schema}.events EXECUTE FUNCTION ${schema}.note()`,
    ]);
    await store.append(aStream(), 'no-stream', [anEvent()]);
    const seen = await administer(server, [
      'ALTER SYSTEM RESET synchronous_commit',
      'SELECT pg_reload_conf()',
      `SELECT setting FROM ${schema}.seen`,
    ]);
    expect(seen).toEqual([{ setting: 'on' }]);
  });
});

/** Each acknowledged event stands in the store once and nothing else does; positions and revisions have no gaps. */
async function expectExactly(store: EventStore, ids: readonly string[]): Promise<void> {
  const events = await readEverything(store);
  expect(events.map((event) => event.id).toSorted()).toEqual(ids.toSorted());
  expect(events.map((event) => Number(event.position))).toEqual(events.map((_, index) => index + 1));
  const revisions = new Map<string, number>();
  for (const { stream, revision } of events) {
    expect(revision).toBe((revisions.get(stream) ?? -1) + 1);
    revisions.set(stream, revision);
  }
}

/** Gives the rows of the last statement. */
async function administer(server: PostgresServer, statements: readonly string[]): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: server.connectionString });
  await client.connect();
  let rows: readonly unknown[] = [];
  for (const statement of statements) ({ rows } = await client.query(statement));
  await client.end();
  return rows;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
