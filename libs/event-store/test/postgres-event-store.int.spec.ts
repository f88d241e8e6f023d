import { afterAll, beforeAll, describe } from '@jest/globals';
import { startPostgres, type PostgresServer } from '@drover/testing';
import { openPostgresEventStore, type PostgresEventStore } from '../src/index.js';
import { deadLettersContract, eventStoreContract } from '../src/testing/index.js';

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

  eventStoreContract(
    async (upcasters = []) => {
      schemas += 1;
      const options = { connectionString: server.connectionString, schema: `store_${schemas}`, upcasters };
      // All at once: each finds the schema missing.
      opened = await Promise.all([1, 2, 3].map(() => openPostgresEventStore(options)));
      const [store, ...peers] = opened;
      if (store === undefined) throw new Error('no store was opened');
      return { store, peers };
    },
    async () => {
      await Promise.all(opened.splice(0).map((store) => store.close()));
    },
  );
  deadLettersContract(() => lettersStore.deadLetters);
});
