import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { START, type StoredEvent } from '@drover/contracts';
import { createMemoryEventStore, prepareStore } from '@drover/event-store';
import { modelInUse, projectBatch, ReadDatabase } from '@drover/read-models';
import { startPostgres, type PostgresServer } from '@drover/testing';
import { projections } from '../src/sections.js';
import { allEvents, FleetStory, hostIdOf, vmIdOf } from '../src/testing/index.js';

const targets = projections.map(modelInUse);

interface Ran {
  /** Statements that the one connection keeps prepared. */
  readonly kept: number;
  /** How often one of them ran, by a plan that was kept or by one that was made for that run. */
  readonly planned: number;
  readonly plannedAnew: number;
}

describe('what a projection costs', () => {
  let postgres: PostgresServer;
  let database: ReadDatabase;

  beforeAll(async () => {
    postgres = await startPostgres();
    await prepareStore({ ownerUrl: postgres.connectionString });
    database = ReadDatabase.open({ connectionString: postgres.connectionString, projections, maxConnections: 1 });
    for (const projection of projections) await database.migrate(projection);
  }, 60_000);
  afterAll(async () => {
    await database.close();
    await postgres.stop();
  });

  async function ran(): Promise<Ran> {
    const [found] = await database.reading((sql) =>
      sql.query<Ran>(
        `SELECT count(*)::int AS kept, coalesce(sum(generic_plans), 0)::int AS planned,
           coalesce(sum(custom_plans), 0)::int AS "plannedAnew" FROM pg_prepared_statements`,
      ),
    );
    if (found === undefined) throw new Error('PostgreSQL gave no row');
    return found;
  }

  it('is seven statements a batch, however many VMs it is about, each planned once', async () => {
    const store = createMemoryEventStore();
    const story = new FleetStory(store);
    const batchOf = async (names: readonly string[]): Promise<StoredEvent[]> => {
      const before = await store.head();
      for (const name of names) {
        await story.requested(name);
        await story.placed(vmIdOf(name), hostIdOf('h1'), 1);
      }
      const events: StoredEvent[] = [];
      for await (const event of allEvents(store)) if (Number(event.position) > Number(before)) events.push(event);
      return events;
    };
    for (const count of [1, 40]) {
      const before = await ran();
      const events = await batchOf(Array.from({ length: count }, (_, index) => `vm-${count}-${index}`));
      await projectBatch(database, targets, { events, upTo: events.at(-1)?.position ?? START });
      expect(await ran()).toEqual({ kept: 7, planned: before.planned + 7, plannedAnew: 0 });
    }
    await store.close();
  });
});
