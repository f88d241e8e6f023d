import { isNativeError } from 'node:util/types';
import { errors, Fault } from '@drover/contracts';
import pg from 'pg';
import type { Projection, Sql, Statement } from './projection.port.js';
import { changeTables } from './table-changes.js';

export interface ReadDatabaseOptions {
  readonly connectionString: string;
  readonly projections: readonly Projection[];
  /** Largest number of connections of this process. */
  readonly maxConnections?: number;
}

/** PostgreSQL's code for a table that is not there. */
const UNDEFINED_TABLE = '42P01';

/**
 * The tables of the projections of one service.
 *
 * A model is one PostgreSQL schema with all that belongs to it (tables, checkpoint, list of the changes made to its tables), found by
 * `search_path`. So a second one can be built next to it and take its place by its name.
 */
export class ReadDatabase {
  readonly #pool: pg.Pool;

  private constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Connects with its first query; needs no server yet. */
  static open({ connectionString, projections, maxConnections = 10 }: ReadDatabaseOptions): ReadDatabase {
    const pool = new pg.Pool({
      connectionString,
      max: maxConnections,
      connectionTimeoutMillis: 5000,
      application_name: 'drover-read-model',
      options: `-c search_path=${searchPath(projections.map(({ name }) => name))}`,
    });
    // A connection that was cut: the pool drops an idle one and opens another when one is asked for; of a lent one the query tells.
    pool.on('error', () => undefined);
    pool.on('connect', (client) => void client.on('error', () => undefined));
    return new ReadDatabase(pool);
  }

  /** Reads from the models in use. A database that does not answer, or has no tables yet, is a `Fault`. */
  async reading<T>(body: (sql: Sql) => Promise<T>): Promise<T> {
    const sql: Sql = {
      query: async <Row extends object>(statement: string | Statement, values: readonly unknown[] = []) => {
        const result = await this.#pool.query<Row>(configOf(statement, values)).catch((error: unknown) => {
          throw isServersWord(error) && !isOutage(error) ? error : unavailable(error);
        });
        return result.rows;
      },
    };
    try {
      return await body(sql);
    } catch (error) {
      if (sqlStateOf(error) !== UNDEFINED_TABLE) throw error;
      throw errors.NOT_YET('not-applied', 'the read model is being made', { cause: error });
    }
  }

  /**
   * Brings the tables of a model up to date, making them where there are none, in a schema that the owner of the database has
   * made. Safe while other replicas run.
   */
  async migrate({ name, tables }: Projection, schema = name): Promise<void> {
    await this.exclusively(schema, async (sql) => {
      const found = await sql.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
      if (found.length === 0) throw missingSchema(schema);
      await changeTables(sql, tables);
    });
  }

  /**
   * Runs `body` in one transaction on the tables of the schemas, alone among all that name one of the same locks: others wait. What
   * it throws rolls everything back.
   */
  async exclusively<T>(
    locks: string | readonly string[],
    body: (sql: Sql) => Promise<T>,
    schemas: string | readonly string[] = locks,
  ): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw unavailable(error);
    });
    const sql: Sql = {
      query: async <Row extends object>(statement: string | Statement, values: readonly unknown[] = []) => {
        const result = await client.query<Row>(configOf(statement, values)).catch((error: unknown) => {
          throw isServersWord(error) ? error : unavailable(error);
        });
        return result.rows;
      },
    };
    let failure: Error | undefined;
    try {
      await sql.query(beginning([locks].flat(), [schemas].flat()));
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
    await this.#pool.end();
  }
}

/**
 * What begins a transaction, in one round trip. The locks are statements of their own: the next one then sees what their last holders
 * committed.
 *
 * Each statement of a projection has one right index, so a plan that was made while the tables were small must never outlive that.
 */
function beginning(locks: readonly string[], schemas: readonly string[]): string {
  return [
    'BEGIN',
    `SET LOCAL search_path = ${searchPath(schemas)}`,
    'SET LOCAL plan_cache_mode = force_generic_plan',
    'SET LOCAL enable_seqscan = off',
    ...locks.toSorted().map((name) => `SELECT pg_advisory_xact_lock(hashtextextended(${pg.escapeLiteral(name)}, 0))`),
  ].join('; ');
}

function configOf(statement: string | Statement, values: readonly unknown[]): pg.QueryConfig {
  return { ...(typeof statement === 'string' ? { text: statement } : statement), values: [...values] };
}

export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** PostgreSQL's own names come first, those of the session's temporary tables last. */
function searchPath(schemas: readonly string[]): string {
  return [...schemas.map(quoted), 'pg_temp'].join(',');
}

function missingSchema(schema: string): Error {
  return new Error(`the PostgreSQL schema ${schema} is missing; the owner of the database makes it: run ./drover up`);
}

/** SQLSTATE of an error that the server itself has sent. Without one the connection failed, and nothing was said. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = isNativeError(error) && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code) ? code : undefined;
}

function isServersWord(error: unknown): boolean {
  return sqlStateOf(error) !== undefined;
}

/** The server is going away, or short of something: the statement is not to blame. */
function isOutage(error: unknown): boolean {
  // Classes of SQLSTATE: connection, rollback by the server, resources, operator intervention, system error.
  return /^(08|40|53|57|58)/.test(sqlStateOf(error) ?? '');
}

function unavailable(cause: unknown): Fault {
  return errors.STORE_UNAVAILABLE('unknown', 'the read model database does not answer', { cause });
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
