import { errors, comparePositions, rebuildSchemaOf, type Position } from '@drover/contracts';
import type { EventStore } from '@drover/event-store';
import { newId, type Clock } from '@drover/domain-kit';
import type { Logger } from '@drover/observability';
import { readCheckpoint, superseded, type Checkpoint } from './checkpoint.js';
import { projectAroundPoison } from './poison.js';
import type { Projection, Sql } from './projection.port.js';
import { quoted, type ReadDatabase } from './read-database.client.js';

export interface RebuildOptions {
  readonly store: EventStore;
  readonly database: ReadDatabase;
  readonly projection: Projection;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly batchSize?: number;
}

export interface Rebuild {
  readonly id: string;
  readonly state: 'RUNNING' | 'SUCCEEDED' | 'FAILED';
  readonly startedAt: string;
  readonly endedAt?: string;
  /** Events in the new model, and in the one in use when the rebuild began. */
  readonly projected: number;
  readonly total: number;
  readonly detail?: string;
}

/**
 * Drops one model and builds it anew from the event store; all others are left as they are.
 *
 * The new one grows in a PostgreSQL schema of its own while reads go on from the old one. Then, with the projection held
 * back for a moment, it takes in the last events and its tables take the place of the old ones, in one transaction. Positions go back only where the store's have.
 */
export class RebuildRunner {
  readonly #options: RebuildOptions;
  #latest: Rebuild | undefined;
  #running: Promise<void> | undefined;
  #isStopping = false;

  constructor(options: RebuildOptions) {
    this.#options = options;
  }

  /** The newest rebuild of this process. */
  get latest(): Rebuild | undefined {
    return this.#latest;
  }

  /** Begins a rebuild, or joins the one that runs in this process. One that runs in another process is given up there. */
  start(): Rebuild {
    if (this.#latest?.state === 'RUNNING') return this.#latest;
    const { clock } = this.#options;
    const begun: Rebuild = {
      id: newId(clock.epochMs()),
      state: 'RUNNING',
      startedAt: new Date(clock.epochMs()).toISOString(),
      projected: 0,
      total: 0,
    };
    this.#latest = begun;
    this.#running = this.#run().then(
      () => this.#end('SUCCEEDED'),
      (error: unknown) => {
        this.#options.logger.error('the rebuild of the read model failed; the old one stays in use', {
          error,
          projection: this.#options.projection.name,
        });
        this.#end('FAILED', error instanceof Error ? error.message : String(error));
      },
    );
    return begun;
  }

  /** Resolves when no rebuild runs. */
  async settled(): Promise<Rebuild | undefined> {
    await this.#running;
    return this.#latest;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { database, projection } = this.#options;
    const live = projection.name;
    const next = rebuildSchemaOf(live);
    const { projected: total } = await database.exclusively(live, (sql) => readCheckpoint(sql, live));
    await database.exclusively(next, (sql) => dropTables(sql, next));
    await database.migrate(projection, next);
    let built = await database.exclusively(next, (sql) => readCheckpoint(sql, next));
    for (let isEnd = false; !isEnd;) {
      [built, isEnd] = await this.#page(built, next);
      this.#report({ projected: built.projected, total: Math.max(total, built.projected) });
    }
    await database.exclusively(next, (sql) => analyze(sql, next));
    await database.exclusively(live, async (sql) => {
      // No projection moves the old model from here on; it waits for the lock that this transaction holds.
      const { position } = await readCheckpoint(sql, live);
      built = await this.#catchUp(built, next, position);
      await sql.query(`SET LOCAL lock_timeout = '30s'`);
      // Looked at in this transaction, so that no replica can begin another build in its place any more.
      const { buildId } = await readCheckpoint(sql, next);
      if (buildId !== built.buildId) throw superseded();
      await dropTables(sql, live);
      // With their indexes and sequences.
      for (const name of await tablesIn(sql, next))
        await sql.query(`ALTER TABLE ${quoted(next)}.${quoted(name)} SET SCHEMA ${quoted(live)}`);
    });
    this.#report({ projected: built.projected, total: built.projected });
  }

  async #catchUp(from: Checkpoint, schema: string, until: Position): Promise<Checkpoint> {
    let built = from;
    // The old model may stand beyond the store's end, where that was restored from an older copy.
    for (let isEnd = false; !isEnd && comparePositions(built.position, until) < 0;) {
      [built, isEnd] = await this.#page(built, schema);
    }
    return built;
  }

  async #page(from: Checkpoint, schema: string): Promise<[Checkpoint, isEnd: boolean]> {
    if (this.#isStopping) throw errors.SERVICE_UNAVAILABLE('not-applied', 'the service stops');
    const { store, database, projection, logger, batchSize = 1000 } = this.#options;
    const { kinds } = projection;
    const filter = kinds === undefined ? {} : { filter: { streamKinds: kinds } };
    const page = await store.readAll(from.position, { limit: batchSize, ...filter });
    const target = { projection, schema, buildId: from.buildId };
    const [built = from] = await projectAroundPoison(
      database,
      [target],
      { events: page.events, upTo: page.next },
      logger,
    );
    return [built, page.isEnd];
  }

  #report(change: Partial<Rebuild>): void {
    if (this.#latest !== undefined) this.#latest = { ...this.#latest, ...change };
  }

  #end(state: 'SUCCEEDED' | 'FAILED', detail?: string): void {
    const endedAt = new Date(this.#options.clock.epochMs()).toISOString();
    this.#report({ state, endedAt, ...(detail === undefined ? {} : { detail }) });
  }
}

/** New tables have no statistics; without them the first reads are planned badly. */
async function analyze(sql: Sql, schema: string): Promise<void> {
  for (const name of await tablesIn(sql, schema)) await sql.query(`ANALYZE ${quoted(name)}`);
}

/** A model is its tables and what belongs to them; its schema is the database owner's and stays. */
async function dropTables(sql: Sql, schema: string): Promise<void> {
  const names = (await tablesIn(sql, schema)).map((name) => `${quoted(schema)}.${quoted(name)}`);
  if (names.length > 0) await sql.query(`DROP TABLE ${names.join(', ')} CASCADE`);
}

async function tablesIn(sql: Sql, schema: string): Promise<readonly string[]> {
  const rows = await sql.query<{ name: string }>('SELECT tablename AS name FROM pg_tables WHERE schemaname = $1', [
    schema,
  ]);
  return rows.map(({ name }) => name);
}
