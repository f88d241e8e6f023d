import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { START } from '@drover/contracts';
import { startPostgres, type PostgresServer } from '@drover/testing';
import pg from 'pg';
import { openPostgresEventStore, type PostgresEventStore } from '../src/index.js';
import { anEvent, aStream, readEverything } from '../src/testing/index.js';

const lost = { name: 'Fault', code: 'STORE_TAIL_LOST' };

describe('a database that is restored from an older copy under running services', () => {
  let server: PostgresServer;
  let database = '';
  let databases = 0;
  let connectionString = '';
  const opened: PostgresEventStore[] = [];

  async function administer(...statements: readonly string[]): Promise<void> {
    const client = new pg.Client({ connectionString: server.connectionString });
    await client.connect();
    for (const statement of statements) await client.query(statement);
    await client.end();
  }

  async function open(): Promise<PostgresEventStore> {
    const store = await openPostgresEventStore({ connectionString, pollIntervalMs: 20 });
    opened.push(store);
    return store;
  }

  const append = (store: PostgresEventStore, stream = aStream()) => store.append(stream, 'any', [anEvent()]);
  const cutOff = (name: string) =>
    administer(
      `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`,
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '${name}'`,
    );
  const takeCopy = async () => {
    await cutOff(database);
    await administer(
      `CREATE DATABASE ${database}_copy TEMPLATE ${database}`,
      `ALTER DATABASE ${database} ALLOW_CONNECTIONS true`,
    );
  };
  const restoreCopy = async () => {
    await cutOff(database);
    await administer(
      `ALTER DATABASE ${database} RENAME TO ${database}_lost`,
      `ALTER DATABASE ${database}_copy RENAME TO ${database}`,
    );
  };

  beforeAll(async () => {
    server = await startPostgres();
  }, 60_000);
  afterAll(() => server.stop());
  beforeEach(async () => {
    database = `fleet_${(databases += 1)}`;
    connectionString = await server.createDatabase(database);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });

  it('is noticed by every process that has seen what is gone; one that starts afterwards works on what is left', async () => {
    const [writer, reader] = [await open(), await open()];
    await append(writer);
    await takeCopy();
    await append(writer);
    const subscriptions = [writer, reader].map((store) => store.subscribe(START, () => undefined));
    for (const subscription of subscriptions) await subscription.caughtUp();
    await restoreCopy();
    for (const { closed } of subscriptions) {
      await expect(closed).rejects.toMatchObject({ ...lost, data: { seen: 2, newest: 1 } });
    }
    await expect(append(writer)).rejects.toMatchObject({ ...lost, outcome: 'not-applied' });
    const next = await open();
    const events: string[] = [];
    const subscription = next.subscribe(START, (batch) => void events.push(...batch.map(({ position }) => position)));
    await append(next);
    await subscription.caughtUp();
    expect(events).toEqual(['1', '2']);
    expect(await readEverything(next)).toHaveLength(2);
  });

  it('is noticed as well when another process has filled the place of what is gone', async () => {
    const [watching, other] = [await open(), await open()];
    await append(watching);
    await takeCopy();
    await append(watching);
    const subscription = watching.subscribe(START, () => undefined, { filter: { streamKinds: ['guest'] } });
    await subscription.caughtUp();
    // Its first question is the next one after the restore: it has seen nothing of what is gone.
    await cutOff(database);
    await administer(
      `ALTER DATABASE ${database} RENAME TO ${database}_lost`,
      `ALTER DATABASE ${database}_copy RENAME TO ${database}_restored`,
    );
    connectionString = new URL(`/${database}_restored`, connectionString).href;
    const filler = await open();
    await append(filler);
    await append(filler);
    await filler.close();
    await administer(`ALTER DATABASE ${database}_restored RENAME TO ${database}`);
    await expect(subscription.closed).rejects.toMatchObject({ ...lost, data: { seen: 2 } });
    await expect(append(watching)).rejects.toMatchObject(lost);
    expect(await append(other)).toMatchObject({ kind: 'appended', position: '4' });
  });
});
