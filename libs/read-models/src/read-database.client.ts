import { isNativeError } from 'node:util/types';
import { Fault } from '@drover/contracts';
import { Migrator } from '@mikro-orm/migrations';
import { DriverException, MikroORM, type SqlEntityManager, TableNotFoundException } from '@mikro-orm/postgresql';
import { CheckpointMigration } from './checkpoint.migration.js';
import type { Projection, SqlTransaction } from './projection.port.js';

export interface ReadDatabaseOptions {
  readonly connectionString: string;
  readonly projection: Projection;
  /** Largest number of connections of this process. */
  readonly maxConnections?: number;
}

/** Its name stands for its text on every connection: one name, one text. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

const UNDEFINED_TABLE = '42P01';

/**
 * The tables of a projection: MikroORM maps, reads and migrates them; projections write with SQL of their own over the same
 * pool.
 *
 * A model is one PostgreSQL schema with all that belongs to it (tables, checkpoint, list of schema migrations), found by
 * `search_path`. So a second one can be built beside it and take its place by its name.
 */
export class ReadDatabase {
  readonly #orm: MikroORM;
  readonly #projection: Projection;

  private constructor(orm: MikroORM, projection: Projection) {
    this.#orm = orm;
    this.#projection = projection;
  }

  /** Connects with its first query; needs no server yet. */
  static open({ connectionString, projection, maxConnections = 10 }: ReadDatabaseOptions): ReadDatabase {
    const orm = new MikroORM({
      clientUrl: connectionString,
      entities: [...projection.entities],
      driverOptions: {
        options: `-c search_path=${pathOf(projection.name)}`,
        max: maxConnections,
        connectionTimeoutMillis: 5000,
        application_name: `drover-${projection.name}`,
      },
      migrations: {
        migrationsList: [{ name: '0000-checkpoint', class: CheckpointMigration }, ...projection.migrations],
        tableName: 'schema_migrations',
        snapshot: false,
        // The list of schema migrations stands in each model's own schema only.
        includeWildcardSchema: true,
        disableForeignKeys: false,
        silent: true,
      },
      discovery: { warnWhenNoEntities: false },
    });
    return new ReadDatabase(orm, projection);
  }

  /** A fresh unit of work. */
  get entities(): SqlEntityManager {
    return this.#orm.em.fork();
  }

  /**
   * Rows of a statement that is asked all the time: PostgreSQL reads and plans it once per connection. Fails as `reading` does.
   */
  async rows<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<readonly Row[]> {
    try {
      const pool = await this.#orm.em.getConnection().getNativeClient();
      return (await pool.query<Row>({ ...statement, values: [...values] })).rows;
    } catch (error) {
      if (isOutage(error) || isConnectionFailure(error)) throw unavailable(error);
      if (sqlStateOf(error) !== UNDEFINED_TABLE) throw error;
      throw notYet(error);
    }
  }

  /** Reads from the model in use. A database that does not answer, or has no tables yet, is a `Fault`. */
  async reading<T>(body: (entities: SqlEntityManager) => Promise<T>): Promise<T> {
    try {
      return await body(this.entities);
    } catch (error) {
      if (isOutage(error) || isConnectionFailure(error)) throw unavailable(error);
      if (!(error instanceof TableNotFoundException)) throw error;
      throw notYet(error);
    }
  }

  /**
   * Brings the tables of a model up to date, making them where there are none, in a schema that the owner of the database has
   * made. Safe beside other replicas.
   */
  async migrate(schema = this.#projection.name): Promise<void> {
    const isThere = await this.exclusively(schema, (sql) =>
      sql.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema]),
    );
    if (isThere.length === 0)
      throw new Error(
        `the PostgreSQL schema ${schema} is missing; the owner of the database makes it: run ./drover up`,
      );
    await this.exclusively(`${schema} migrate`, async () => {
      // A new one each time: it remembers which schemas have its table, and a rebuild drops schemas.
      await new Migrator(this.entities).up({ schema });
    });
  }

  /**
   * Runs `body` in one transaction on the tables of `schema`, alone among all that name the same lock: others wait. What it
   * throws rolls everything back.
   */
  async exclusively<T>(lock: string, body: (sql: SqlTransaction) => Promise<T>, schema = lock): Promise<T> {
    const pool = await this.#orm.em.getConnection().getNativeClient();
    const client = await pool.connect().catch((error: unknown) => {
      throw unavailable(error);
    });
    const sql: SqlTransaction = {
      query: async <Row extends object>(text: string, values: readonly unknown[] = []) => {
        const result = await client.query<Row>(text, [...values]).catch((error: unknown) => {
          throw isServersWord(error) ? error : unavailable(error);
        });
        return result.rows;
      },
    };
    let failure: Error | undefined;
    try {
      await sql.query('BEGIN');
      await sql.query(`SELECT set_config('search_path', $1, true)`, [pathOf(schema)]);
      // The lock is a statement of its own: the next one then sees what its last holder committed.
      await sql.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [lock]);
      const result = await body(sql);
      await sql.query('COMMIT');
      return result;
    } catch (error) {
      failure = isOutage(error) ? unavailable(error) : asError(error);
      await client.query('ROLLBACK').catch((cause: unknown) => {
        failure = unavailable(cause);
      });
      throw failure;
    } finally {
      // A connection that could not even roll back is thrown away; the server has rolled back for it.
      client.release(failure instanceof Fault ? failure : undefined);
    }
  }

  async close(): Promise<void> {
    await this.#orm.close(true);
  }
}

/** PostgreSQL's own names come first, those of the session's temporary tables last. */
export function pathOf(schema: string): string {
  return `${quoted(schema)},pg_temp`;
}

export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** SQLSTATE of an error that the server itself has sent. Without one the connection failed, and nothing was said. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = isNativeError(error) && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code) ? code : undefined;
}

function isServersWord(error: unknown): boolean {
  return sqlStateOf(error) !== undefined;
}

/**
 * The driver's way to say that there is no connection: a plain error, sometimes wrapped, without a word from the server.
 * Mistakes of ours have classes of their own.
 */
function isConnectionFailure(error: unknown): boolean {
  if (!isNativeError(error) || isServersWord(error)) return false;
  return error.name === 'Error' || error.name === 'AggregateError' || error instanceof DriverException;
}

/** The server is going away, or short of something: the statement is not to blame. */
function isOutage(error: unknown): boolean {
  // Classes of SQLSTATE: connection, rollback by the server, resources, operator intervention, system error.
  return /^(08|40|53|57|58)/.test(sqlStateOf(error) ?? '');
}

function notYet(cause: unknown): Fault {
  return new Fault('NOT_YET', 'not-applied', 'the read model is being made', { cause });
}

function unavailable(cause: unknown): Fault {
  return new Fault('STORE_UNAVAILABLE', 'unknown', 'the read model database does not answer', { cause });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
