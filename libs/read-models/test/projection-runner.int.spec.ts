import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { comparePositions, rebuildSchemaOf, START, type Fault, type Position } from '@drover/contracts';
import { systemClock } from '@drover/domain-kit';
import { createMemoryEventStore, type EventStore } from '@drover/event-store';
import { silentLogger } from '@drover/observability';
import { startPostgres, type PostgresServer } from '@drover/testing';
import {
  modelInUse,
  PositionWaiters,
  projectBatch,
  ProjectionRunner,
  ReadDatabase,
  readCheckpoint,
  RebuildRunner,
  someNotShown,
  type Projection,
} from '../src/index.js';
import { expectedTallies, newEvent, tallies, tallyProjection } from './tally.projection.js';

const logger = silentLogger;

describe('a projection on PostgreSQL', () => {
  let postgres: PostgresServer;
  let store: EventStore;
  let connectionString: string;
  let count = 0;
  const cleanups: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres.stop());

  beforeEach(async () => {
    connectionString = await postgres.createDatabase(`tally${(count += 1)}`);
    await makeSchemas();
    store = createMemoryEventStore();
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    await store.close();
  });

  /** As the owner of the database does for a service. */
  async function makeSchemas(): Promise<void> {
    const database = ReadDatabase.open({ connectionString, projections: [] });
    for (const name of ['tally', 'things', 'others', 'everything'])
      for (const schema of [name, rebuildSchemaOf(name)])
        await database.exclusively('spec', (sql) => sql.query(`CREATE SCHEMA ${schema}`));
    await database.close();
  }

  function openDatabase(projection = tallyProjection()): ReadDatabase {
    const database = ReadDatabase.open({ connectionString, projections: [projection] });
    cleanups.push(() => database.close());
    return database;
  }

  function startRunner(database: ReadDatabase, projection: Projection = tallyProjection(), batchSize = 7) {
    const runner = new ProjectionRunner({ store, database, projections: [projection], logger, batchSize, retryMs: 20 });
    runner.start();
    return followed(runner);
  }

  /** The one model of a runner. */
  function followed(runner: ProjectionRunner) {
    const [model] = runner.models;
    if (model === undefined) throw new Error('the runner has no model');
    cleanups.push(() => runner.stop());
    return Object.assign(model, { stop: () => runner.stop() });
  }

  async function appendMany(events: number, streams = 5): Promise<Position> {
    let position = START;
    for (let index = 0; index < events; index += 1) {
      const result = await store.append(`thing-${index % streams}`, 'any', [newEvent(`Type${index}`)]);
      if (result.kind === 'appended') position = result.position;
    }
    return position;
  }

  it('holds every event once, whatever was there before it started', async () => {
    await appendMany(40);
    const database = openDatabase();
    const runner = startRunner(database);
    const head = await appendMany(30);
    expect(await runner.waiters.waitFor(head, 10_000)).toBe('reached');
    expect(await tallies(database)).toEqual(await expectedTallies(store));
  });

  it('projects each event once with several replicas at work, and all of them know the position', async () => {
    const runners = [openDatabase(), openDatabase(), openDatabase()].map((database) => startRunner(database));
    const head = await appendMany(200);
    for (const runner of runners) expect(await runner.waiters.waitFor(head, 10_000)).toBe('reached');
    expect(await tallies(openDatabase())).toEqual(await expectedTallies(store));
  });

  it('goes on from the checkpoint in another process', async () => {
    const first = startRunner(openDatabase());
    await first.waiters.waitFor(await appendMany(20), 10_000);
    await first.stop();
    const head = await appendMany(20);
    const database = openDatabase();
    const second = startRunner(database);
    expect(await second.waiters.waitFor(head, 10_000)).toBe('reached');
    expect(await tallies(database)).toEqual(await expectedTallies(store));
  });

  it('writes neither rows nor checkpoint when it is cut off between the two', async () => {
    const database = openDatabase();
    await database.migrate(tallyProjection());
    const head = await appendMany(10);
    const { events } = await store.readAll(START, { limit: 100 });
    const plain = tallyProjection();
    const dying: Projection = {
      ...plain,
      async apply(sql, batch) {
        const result = await plain.apply(sql, batch);
        // The server ends the connection as it does for a client that was killed.
        await sql.query('SELECT pg_terminate_backend(pg_backend_pid())');
        return result;
      },
    };
    await expect(projectBatch(database, [modelInUse(dying)], { events, upTo: head })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect(await tallies(database)).toEqual([]);
    await projectBatch(database, [modelInUse(plain)], { events, upTo: head });
    await projectBatch(database, [modelInUse(plain)], { events, upTo: head });
    expect(await tallies(database)).toEqual(await expectedTallies(store));
  });

  it('takes up its work again after the database was killed', async () => {
    const database = openDatabase();
    const runner = startRunner(database);
    await runner.waiters.waitFor(await appendMany(20), 10_000);
    await postgres.kill9();
    const head = await appendMany(20);
    await postgres.start();
    expect(await runner.waiters.waitFor(head, 20_000)).toBe('reached');
    expect(await tallies(database)).toEqual(await expectedTallies(store));
  }, 60_000);

  it.each([{ poisonType: 'Bad' }, { refusedType: 'Bad' }])(
    'passes over an event that cannot be projected, and shows nothing more of its stream alone: %j',
    async (options) => {
      const projection = tallyProjection(options);
      const database = openDatabase(projection);
      await appendMany(6);
      for (const type of ['Good', 'Bad', 'Good']) await store.append('thing-bad', 'any', [newEvent(type)]);
      const head = await appendMany(6);
      const runner = startRunner(database, projection);
      expect(await runner.waiters.waitFor(head, 10_000)).toBe('reached');
      const others = (await expectedTallies(store)).filter(({ stream }) => stream !== 'thing-bad');
      const shown = await tallies(database);
      expect(shown.filter(({ stream }) => stream !== 'thing-bad')).toEqual(others);
      expect(shown.find(({ stream }) => stream === 'thing-bad')).toMatchObject({
        events: '1',
        newest: expect.stringMatching(/^not shown: /),
      });
      expect(runner.checkpoint).toMatchObject({ projected: 15, notShown: 1 });
      expect(await database.reading((sql) => someNotShown(sql, 'tally'))).toMatchObject([
        { stream: 'thing-bad', since: '8', type: 'Bad' },
      ]);

      const shared = { store, database, logger, clock: systemClock, batchSize: 4 };
      const again = new RebuildRunner({ ...shared, projection });
      again.start();
      expect(await again.settled()).toMatchObject({ state: 'SUCCEEDED' });
      expect(await tallies(database)).toEqual(shown);
      // Mended code shows it all.
      const mended = new RebuildRunner({ ...shared, projection: tallyProjection() });
      mended.start();
      expect(await mended.settled()).toMatchObject({ state: 'SUCCEEDED' });
      expect(await tallies(database)).toEqual(await expectedTallies(store));
      expect(await database.reading((sql) => someNotShown(sql, 'tally'))).toEqual([]);
    },
  );

  it('marks nothing where no event is to blame, says what is wrong, and goes on once it is mended', async () => {
    const database = openDatabase();
    await database.migrate(tallyProjection());
    await database.exclusively('spec', (sql) => sql.query('ALTER TABLE tally RENAME TO elsewhere'), 'tally');
    const head = await appendMany(5);
    const runner = startRunner(database);
    while (runner.failure === undefined) await runner.waiters.waitFor(head, 5);
    expect(runner.failure).toContain('tally');
    await database.exclusively('spec', (sql) => sql.query('ALTER TABLE elsewhere RENAME TO tally'), 'tally');
    expect(await runner.waiters.waitFor(head, 10_000)).toBe('reached');
    expect(runner).toMatchObject({ failure: undefined, checkpoint: { notShown: 0 } });
    expect(await tallies(database)).toEqual(await expectedTallies(store));
  });

  describe('with two releases on one database', () => {
    const older = tallyProjection({ version: 1, unknownType: 'New' });
    const newer = tallyProjection({ version: 2 });

    it('leaves an event to the newer release that the older one does not know, and both read on', async () => {
      const database = openDatabase(older);
      const projected: string[] = [];
      const runner = new ProjectionRunner({
        ...{ store, database, projections: [older], logger, retryMs: 5 },
        onProjected: (_models, events) => projected.push(...events.map(({ type }) => type)),
      });
      const first = followed(runner);
      const before = await appendMany(4);
      await store.append('thing-new', 'any', [newEvent('New')]);
      const head = await appendMany(4);
      runner.start();
      expect(await first.waiters.waitFor(before, 10_000)).toBe('reached');
      while (first.outdated === undefined) await first.waiters.waitFor(head, 5);
      expect(first.outdated).toContain('New.v1 at position 5');
      expect(first.waiters.reached).toBe(before);
      expect(projected).toHaveLength(4);

      const second = startRunner(openDatabase(newer), newer);
      expect(await second.waiters.waitFor(head, 10_000)).toBe('reached');
      expect(await first.waiters.waitFor(head, 10_000)).toBe('reached');
      expect(await tallies(database)).toEqual(await expectedTallies(store));
      while (projected.length < 9) await first.waiters.waitFor(`${await store.head()}0` as Position, 5);
      expect(projected).toHaveLength(9);
    });

    it('is not written by the older one any more once the newer one has begun, not even what it knows', async () => {
      const database = openDatabase(newer);
      const second = startRunner(database, newer);
      await second.waiters.waitFor(await appendMany(2), 10_000);
      await second.stop();
      const { events, next } = await store.readAll(START);
      const head = await appendMany(2);
      await expect(projectBatch(database, [modelInUse(older)], { events, upTo: next })).rejects.toThrow('newer');
      const first = startRunner(openDatabase(older), older);
      while (first.outdated === undefined) await first.waiters.waitFor(head, 5);
      expect(first.waiters.reached).not.toBe(head);
      startRunner(openDatabase(newer), newer);
      expect(await first.waiters.waitFor(head, 10_000)).toBe('reached');
    });
  });

  it('lets a process that only reads wait for a position', async () => {
    const reading = openDatabase();
    await reading.migrate(tallyProjection());
    const waiters = new PositionWaiters({
      read: async () => (await reading.exclusively('reader', (sql) => readCheckpoint(sql, 'tally'))).position,
      everyMs: 5,
    });
    const head = await appendMany(10);
    expect(await waiters.waitFor(head, 50)).toBe('not-yet');
    const waiting = waiters.waitFor(head, 10_000);
    startRunner(openDatabase());
    expect(await waiting).toBe('reached');
  });

  it('rebuilds to the same rows while reads and appends go on', async () => {
    const projection = tallyProjection();
    const database = openDatabase();
    const runner = startRunner(database);
    await runner.waiters.waitFor(await appendMany(120), 10_000);
    const before = await tallies(database);
    // A row that no event accounts for is gone afterwards.
    await database.exclusively('tally', (sql) => sql.query(`INSERT INTO tally VALUES ('forged', 1, 'Forged')`));
    const rebuild = new RebuildRunner({ store, database, projection, logger, clock: systemClock, batchSize: 10 });
    expect(rebuild.start().state).toBe('RUNNING');
    let reads = 0;
    let isDone = false;
    const reading = (async () => {
      while (!isDone) {
        const rows = await database.reading((sql) => sql.query('SELECT * FROM tally'));
        expect(rows.length).toBeGreaterThanOrEqual(before.length);
        reads += 1;
      }
    })();
    const head = await appendMany(60);
    expect(await rebuild.settled()).toMatchObject({ state: 'SUCCEEDED' });
    isDone = true;
    await reading;
    expect(reads).toBeGreaterThan(0);
    expect(await runner.waiters.waitFor(head, 10_000)).toBe('reached');
    expect(await tallies(database)).toEqual(await expectedTallies(store));
  });

  it('ends where the store has lost its tail; the next process refuses a model that stands beyond the end, until it is rebuilt', async () => {
    const whole = createMemoryEventStore();
    store = whole;
    const database = openDatabase();
    const lost = Promise.withResolvers<Fault>();
    const runner = new ProjectionRunner({
      ...{ store, database, projections: [tallyProjection()], logger, retryMs: 5 },
      onStoreLost: lost.resolve,
    });
    const first = followed(runner);
    runner.start();
    await first.waiters.waitFor(await appendMany(10), 10_000);
    store = whole.restoreOlderCopy('6' as Position);
    expect(await lost.promise).toMatchObject({ code: 'STORE_TAIL_LOST' });
    expect(first.failure).toContain('STORE_TAIL_LOST');

    const next = startRunner(database);
    while (next.failure === undefined) await next.waiters.waitFor('99' as Position, 5);
    expect(next.failure).toBe('rebuild the read model: position 10 is beyond the newest event, which is 6');
    const rebuild = new RebuildRunner({ store, database, projection: tallyProjection(), logger, clock: systemClock });
    rebuild.start();
    expect(await rebuild.settled()).toMatchObject({ state: 'SUCCEEDED', projected: 6 });
    expect(await next.waiters.waitFor(await appendMany(1), 10_000)).toBe('reached');
    while (next.failure !== undefined) await next.waiters.waitFor('99' as Position, 5);
    expect(await tallies(database)).toEqual(await expectedTallies(store));
  });

  it('gives up a rebuild that another one has taken the place of, and keeps the model in use', async () => {
    const database = openDatabase();
    const runner = startRunner(database);
    await runner.waiters.waitFor(await appendMany(50), 10_000);
    const { promise: isSuperseded, resolve: supersede } = Promise.withResolvers<void>();
    const { promise: isReading, resolve: reading } = Promise.withResolvers<void>();
    const slow: EventStore = {
      ...store,
      readAll: async (after, options) => {
        if (after !== START) {
          reading();
          await isSuperseded;
        }
        return store.readAll(after, options);
      },
    };
    const shared = { database, projection: tallyProjection(), logger, clock: systemClock, batchSize: 10 };
    const first = new RebuildRunner({ store: slow, ...shared });
    first.start();
    await isReading;
    const second = new RebuildRunner({ store, ...shared });
    second.start();
    expect(await second.settled()).toMatchObject({ state: 'SUCCEEDED', projected: 50 });
    supersede();
    expect(await first.settled()).toMatchObject({ state: 'FAILED' });
    expect(await tallies(database)).toEqual(await expectedTallies(store));
    const { position } = await database.exclusively('tally', (sql) => readCheckpoint(sql, 'tally'));
    expect(comparePositions(position, await store.head())).toBe(0);
  });

  describe('with several models', () => {
    const things = tallyProjection({ name: 'things', kinds: ['thing'] });
    const others = tallyProjection({ name: 'others', kinds: ['other'] });
    const all = tallyProjection({ name: 'everything' });

    function startSeveral(...projections: readonly Projection[]) {
      const database = ReadDatabase.open({ connectionString, projections });
      cleanups.push(() => database.close());
      const runner = new ProjectionRunner({ store, database, projections, logger, batchSize: 7, retryMs: 5 });
      cleanups.push(() => runner.stop());
      runner.start();
      const reached = (position: Position) =>
        Promise.all(runner.models.map(({ waiters }) => waiters.waitFor(position, 10_000)));
      return { database, runner, reached };
    }

    async function appendBoth(pairs: number): Promise<Position> {
      for (let index = 0; index < pairs; index += 1) {
        for (const kind of ['thing', 'other']) await store.append(`${kind}-${index % 3}`, 'any', [newEvent()]);
      }
      return store.head();
    }

    it('gives each the events of its kinds, and reads them from the store once', async () => {
      let subscriptions = 0;
      const plain = store;
      store = { ...plain, subscribe: (...given) => ((subscriptions += 1), plain.subscribe(...given)) };
      const { database, runner, reached } = startSeveral(things, others, all);
      await reached(await appendBoth(20));
      expect(await tallies(database, 'things')).toEqual(await expectedTallies(store, ['thing']));
      expect(await tallies(database, 'others')).toEqual(await expectedTallies(store, ['other']));
      expect(await tallies(database, 'everything')).toEqual(await expectedTallies(store));
      expect(runner.models.map(({ checkpoint }) => checkpoint?.projected)).toEqual([20, 20, 40]);
      expect(subscriptions).toBe(1);
    });

    it('shows a batch in all of them or in none', async () => {
      const { database, reached } = startSeveral(things, all);
      const counts = () =>
        database.reading((sql) =>
          sql.query<{ things: string; everything: string }>(
            'SELECT (SELECT coalesce(sum(events), 0) FROM things) AS things, (SELECT coalesce(sum(events), 0) FROM everything) AS everything',
          ),
        );
      await reached(await appendMany(1));
      const done = (async () => reached(await appendMany(150)))();
      let isDone = false;
      void done.then(() => (isDone = true));
      while (!isDone) for (const row of await counts()) expect(row.things).toBe(row.everything);
      expect(await counts()).toEqual([{ things: '151', everything: '151' }]);
    });

    it('marks an event that one of them cannot take in that one alone', async () => {
      const poisoned = tallyProjection({ name: 'things', poisonType: 'Bad' });
      const { database, reached } = startSeveral(poisoned, all);
      for (const type of ['Good', 'Bad', 'Good']) await store.append('thing-bad', 'any', [newEvent(type)]);
      await reached(await appendMany(6));
      expect(await tallies(database, 'everything')).toEqual(await expectedTallies(store));
      const shown = await tallies(database, 'things');
      expect(shown.find(({ stream }) => stream === 'thing-bad')).toMatchObject({ events: '1' });
      expect(await database.reading((sql) => someNotShown(sql, 'things'))).toMatchObject([{ stream: 'thing-bad' }]);
      expect(await database.reading((sql) => someNotShown(sql, 'everything'))).toEqual([]);
    });

    it('goes on with the others while one stands still, and with that one once it is mended', async () => {
      const { database, runner, reached } = startSeveral(things, all);
      await reached(await appendMany(3));
      await database.exclusively('spec', (sql) => sql.query('ALTER TABLE things RENAME TO elsewhere'), 'things');
      const head = await appendMany(20);
      const [broken, sound] = runner.models;
      expect(await sound?.waiters.waitFor(head, 10_000)).toBe('reached');
      while (broken?.failure === undefined) await broken?.waiters.waitFor(head, 5);
      expect(broken.failure).toContain('things');
      expect(sound).toMatchObject({ failure: undefined });
      await database.exclusively('spec', (sql) => sql.query('ALTER TABLE elsewhere RENAME TO things'), 'things');
      await reached(await appendMany(5));
      expect(await tallies(database, 'things')).toEqual(await expectedTallies(store, ['thing']));
      expect(await tallies(database, 'everything')).toEqual(await expectedTallies(store));
    });

    it('leaves to a newer release the model alone that the newer one has written', async () => {
      const newer = { ...things, version: 2 };
      const first = startSeveral(newer, all);
      await first.reached(await appendMany(3));
      await first.runner.stop();
      const { database, runner } = startSeveral(things, all);
      const head = await appendMany(5);
      const [outdated, sound] = runner.models;
      expect(await sound?.waiters.waitFor(head, 10_000)).toBe('reached');
      while (outdated?.outdated === undefined) await outdated?.waiters.waitFor(head, 5);
      expect(outdated.outdated).toContain('newer');
      startSeveral(newer);
      expect(await outdated.waiters.waitFor(head, 10_000)).toBe('reached');
      expect(await tallies(database, 'things')).toEqual(await expectedTallies(store, ['thing']));
    });

    it('rebuilds one and leaves the others as they are', async () => {
      const { database, reached } = startSeveral(things, all);
      await reached(await appendBoth(10));
      for (const name of ['things', 'everything'])
        await database.exclusively(
          'spec',
          (sql) => sql.query(`INSERT INTO ${name} VALUES ('forged', 1, 'Forged')`),
          name,
        );
      const rebuild = new RebuildRunner({
        store,
        database,
        projection: things,
        logger,
        clock: systemClock,
        batchSize: 7,
      });
      rebuild.start();
      expect(await rebuild.settled()).toMatchObject({ state: 'SUCCEEDED', projected: 10 });
      await reached(await appendBoth(10));
      expect(await tallies(database, 'things')).toEqual(await expectedTallies(store, ['thing']));
      const left = await tallies(database, 'everything');
      expect(left.filter(({ stream }) => stream !== 'forged')).toEqual(await expectedTallies(store));
      expect(left).toContainEqual({ stream: 'forged', events: '1', newest: 'Forged' });
    });
  });
});
