import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { START } from '@drover/contracts';
import { startPostgres, type PostgresServer } from '@drover/testing';
import { openPostgresEventStore, type FoldRow, type PostgresEventStore } from '../src/index.js';
import { openPool, type Queries, type QueryPool } from '../src/postgres/database.client.js';
import { postgresFoldSnapshots } from '../src/postgres/postgres-fold-snapshots.adapter.js';
import { tablesIn } from '../src/postgres/schema.js';
import { anEvent, aStream, readEverything } from '../src/testing/index.js';

let server: PostgresServer;
let store: PostgresEventStore;
let pool: QueryPool;

beforeAll(async () => {
  server = await startPostgres();
  const connectionString = await server.createDatabase('snapshots');
  store = await openPostgresEventStore({ connectionString });
  pool = openPool(connectionString, 2);
}, 60_000);
afterAll(async () => {
  await pool.end();
  await store.close();
  await server.stop();
});

/** Calls back when a page of rows has been read, before the next is asked for. */
function afterEachPage(called: () => Promise<void>): QueryPool {
  const watched = (db: Pick<Queries, 'query'>): Pick<Queries, 'query'> => ({
    query: async (query, values) => {
      const result = await db.query<never>(query, values);
      if (JSON.stringify(query).includes('ORDER BY kind, id LIMIT')) await called();
      return result;
    },
  });
  return { ...pool, ...watched(pool), transaction: (work) => pool.transaction((client) => work(watched(client))) };
}

it('reads a snapshot whole or not at all, also where other releases have it removed between two pages', async () => {
  await store.append(aStream(), 'no-stream', [anEvent()]);
  const [event] = await readEverything(store);
  const position = event?.position ?? START;
  const kept = Array.from({ length: 500 }, (_, index): FoldRow => ({
    ...{ kind: 'vm', id: `${index}`.padStart(4, '0'), revision: 0, position, firstPosition: position, state: {} },
  }));
  const owner = (version: string) => ({ service: 'spec', version });
  await store.foldSnapshots.save(owner('1'), position, [{ kept, gone: [] }]);
  let pages = 0;
  const begun = async () => {
    pages += 1;
    if (pages > 1) return;
    for (const version of ['2', '3']) await store.foldSnapshots.save(owner(version), position, []);
  };
  const rows: FoldRow[] = [];
  const snapshots = postgresFoldSnapshots(afterEachPage(begun), tablesIn('event_store'), 5_000);
  expect(await snapshots.load(owner('1'), (some) => void rows.push(...some))).toBe(position);
  expect(rows).toEqual(kept);
  expect(await snapshots.load(owner('1'), (some) => void rows.push(...some))).toBeUndefined();
});
