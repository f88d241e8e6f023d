import { afterAll, beforeAll, describe } from '@jest/globals';
import type { Position, Upcaster } from '@drover/contracts';
import { startPostgres, type PostgresServer } from '@drover/testing';
import pg from 'pg';
import { openPostgresEventStore, type PostgresEventStore } from '../src/index.js';
import { deadLettersContract, eventStoreContract, foldSnapshotsContract } from '../src/testing/index.js';

/** What only the server's administrator can do, past the trigger that refuses it. */
async function forgetBehind(connectionString: string, schema: string, upTo: Position): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query('SET session_replication_role = replica');
  await client.query(`DELETE FROM ${schema}.events WHERE position > $1`, [upTo]);
  await client.end();
}

describe('postgres event store', () => {
  let server: PostgresServer;
  let lettersStore: PostgresEventStore;
  let opened: PostgresEventStore[] = [];
  let schemas = 0;

  beforeAll(async () => {
    server = await startPostgres();
    lettersStore = await openPostgresEventStore({ connectionString: server.connectionString });
  }, 60_000);
  afterAll(async () => {
    await lettersStore.close();
    await server.stop();
  });

  /** So many processes on one new store. */
  async function open(processes: number, upcasters: readonly Upcaster[] = []) {
    schemas += 1;
    const options = { connectionString: server.connectionString, schema: `store_${schemas}`, upcasters };
    // All at once: each finds the schema missing.
    opened = await Promise.all(Array.from({ length: processes }, () => openPostgresEventStore(options)));
    const [store, ...peers] = opened;
    if (store === undefined) throw new Error('no store was opened');
    const restoreOlderCopy = async (upTo: Position) => {
      await forgetBehind(server.connectionString, options.schema, upTo);
      const restored = await openPostgresEventStore(options);
      opened.push(restored);
      return restored;
    };
    return { store, peers, restoreOlderCopy };
  }
  async function close(): Promise<void> {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  }

  eventStoreContract((upcasters) => open(3, upcasters), close);
  deadLettersContract(() => lettersStore.deadLetters);
  foldSnapshotsContract(() => open(1), close);
});
