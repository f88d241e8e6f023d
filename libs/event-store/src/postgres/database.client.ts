import { setTimeout as delay } from 'node:timers/promises';
import { isNativeError } from 'node:util/types';
import { type Fault, type Outcome, errors, isFailure } from '@drover/contracts';
import pg from 'pg';

/**
 * What every connection of the store sets for itself.
 *
 * Each query has one right index, so a plan made while the tables were small must never outlive that. `synchronous_commit`
 * is raised where the server has it off: an acknowledged append is on disk.
 *
 * Names without a schema are PostgreSQL's own: a role that may make schemas must not put functions of its own in their place.
 */
const sessionSettings = `
SET search_path = pg_catalog;
SET jit = off; SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
SET default_transaction_isolation = 'read committed';
SET TimeZone = 'UTC'; SET DateStyle = 'ISO';
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`;

const connectTimeoutMs = 3_000;
const queryTimeoutMs = 30_000;
const shortestPauseMs = 20;
const longestPauseMs = 1_000;

/** Values as PostgreSQL's text: dates and 64-bit numbers are none that JavaScript's types hold. */
const asText = { getTypeParser: () => (text: string) => text } as pg.CustomTypesConfig;

function clientConfig(connectionString: string, timeoutMs: number | undefined): pg.ClientConfig {
  return {
    connectionString,
    application_name: 'drover-event-store',
    connectionTimeoutMillis: timeoutMs ?? connectTimeoutMs,
    query_timeout: timeoutMs ?? queryTimeoutMs,
    // The server gives up as well: what its client waits for no more must not be carried out much later.
    ...(timeoutMs === undefined ? {} : { statement_timeout: timeoutMs }),
    keepAlive: true,
    types: asText,
  };
}

/** A connected client, ready for the store's queries. `onLost` is called when the connection has gone, perhaps repeatedly. */
export async function connectClient(connectionString: string, onLost: (client: pg.Client) => void): Promise<pg.Client> {
  const client = new pg.Client(clientConfig(connectionString, undefined));
  let isConnected = false;
  const lost = () => {
    if (isConnected) onLost(client);
  };
  // While connecting, the rejection tells; an 'error' without a listener would end the process.
  client.on('error', lost);
  client.on('end', lost);
  try {
    await overConnection(() => client.connect());
    await overConnection(() => client.query(sessionSettings));
  } catch (error) {
    abandon(client);
    throw error;
  }
  isConnected = true;
  return client;
}

/** Drops a connection of which nothing more is expected; how its end goes is of no interest. */
export function abandon(client: pg.Client): void {
  client.end().catch(() => undefined);
}

/** The part of a pool that the store asks its questions through. */
export interface Queries {
  query<Row extends pg.QueryResultRow>(
    query: string | pg.QueryConfig,
    values?: readonly unknown[],
  ): Promise<{ readonly rows: readonly Row[] }>;
  queryRows(query: pg.QueryConfig): Promise<readonly (readonly (string | null)[])[]>;
}

export interface QueryPool extends Queries {
  /** Commits when the work is done; where it throws, nothing of it stands. */
  transaction<Result>(work: (queries: Pick<Queries, 'query'>) => Promise<Result>): Promise<Result>;
  end(): Promise<void>;
}

export interface PoolOptions {
  /** Asked before a new connection is used for the first time; what it throws, the query throws. */
  readonly onConnected?: (client: pg.ClientBase) => Promise<void>;
  /** Of connecting, and of each query; the store's own by default. */
  readonly timeoutMs?: number;
}

export function openPool(connectionString: string, max: number, options: PoolOptions = {}): QueryPool {
  const pool = new pg.Pool({
    ...clientConfig(connectionString, options.timeoutMs),
    max,
    // Its type does not say that the pool awaits what it returns, and destroys the connection when that rejects.
    // eslint-disable-next-line @typescript-eslint/no-misused-promises
    onConnect: async (client: pg.ClientBase) => {
      // The pool listens while a connection is idle; while it is lent, the failing query tells.
      client.on('error', () => undefined);
      await overConnection(() => client.query(sessionSettings));
      await options.onConnected?.(client);
    },
  });
  // An idle connection that was cut: the pool has dropped it already and opens another when asked.
  pool.on('error', () => undefined);

  async function lend<Result>(use: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    const client = await overConnection(() => pool.connect());
    try {
      const result = await overConnection(() => use(client));
      client.release();
      return result;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  return {
    query: <Row extends pg.QueryResultRow>(query: string | pg.QueryConfig, values?: readonly unknown[]) =>
      lend((client) => client.query<Row>(query as string, values as unknown[])),
    queryRows: (query) =>
      lend(async (client) => (await client.query<(string | null)[]>({ ...query, rowMode: 'array' })).rows),
    transaction: async (work) => {
      const client = await overConnection(() => pool.connect());
      const queries: Pick<Queries, 'query'> = {
        query: (query, values) => overConnection(() => client.query(query as string, values as unknown[])),
      };
      try {
        await queries.query('BEGIN');
        const result = await work(queries);
        await queries.query('COMMIT');
        client.release();
        return result;
      } catch (error) {
        // Whatever became of the connection, its transaction ends with it.
        client.release(true);
        throw error;
      }
    },
    end: () => pool.end(),
  };
}

/** The connection could not be made, broke, or was silent for too long: the database has not answered. */
export class ConnectionFailure extends Error {
  override readonly name = 'ConnectionFailure';
}

/**
 * Waits for a call of the driver, and for nothing else. What the driver throws that is no answer of the server has no class
 * of its own: here, where only the driver can have thrown it, it is told from a mistake in our code.
 */
export async function overConnection<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof pg.DatabaseError || !isPlain(error)) throw error;
    throw new ConnectionFailure(error.message, { cause: error });
  }
}

/** Node's errors of sockets and the driver's own; a `TypeError` or an error of ours has another name. */
function isPlain(error: unknown): error is Error {
  return isNativeError(error) && (error.name === 'Error' || error.name === 'AggregateError');
}

/** The store met what it cannot read or was not made for; trying again does not mend it. */
export class StoreDefect extends Error {
  override readonly name = 'StoreDefect';
}

/**
 * Whether a query failed because of the database's absence or want of resources, so that trying again is right; anything
 * else is a defect.
 */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof ConnectionFailure) return true;
  // Connection exception, insufficient resources, operator intervention (shutdown, starting up), system error,
  // read-only transaction (a standby before its promotion); no such database, or one that takes no connections: both are so
  // for a while when it is restored.
  return error instanceof pg.DatabaseError && /^(08|53|57P|58|25006|3D000|55000)/.test(error.code ?? '');
}

/** Whether the statement may have been carried out although it failed: the connection ended before its answer. */
export function isUncertain(error: unknown): boolean {
  return (
    error instanceof ConnectionFailure || (error instanceof pg.DatabaseError && /^(08|57P)/.test(error.code ?? ''))
  );
}

export function unavailable(outcome: Outcome, attempt: string, cause: unknown): Fault {
  return errors.STORE_UNAVAILABLE(outcome, `${attempt}: ${String(cause)}`, { cause });
}

/** Pauses between attempts, growing from 20 ms to 1 s. */
export function backoff(): (signal?: AbortSignal) => Promise<void> {
  let pauseMs = shortestPauseMs;
  return async (signal) => {
    await delay(pauseMs, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
      throw signal?.aborted ? signal.reason : error;
    });
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  };
}

/** Repeats a harmless query until the database answers; after `patienceMs` throws `STORE_UNAVAILABLE`. */
export async function untilAnswered<Result>(
  attempt: string,
  patienceMs: number,
  query: () => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const startedAt = performance.now();
  const pause = backoff();
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await query();
    } catch (error) {
      if (isFailure(error)) throw error;
      if (!isUnavailable(error)) throw new Error(`${attempt} failed`, { cause: error });
      if (performance.now() - startedAt >= patienceMs) throw unavailable('not-applied', attempt, error);
      await pause(signal);
    }
  }
}

/** `2025-01-31 12:00:00.5+00`, as PostgreSQL writes times here, as ISO 8601 with milliseconds. */
export function timestampToIso(text: string): string {
  return new Date(`${text.replace(' ', 'T')}:00`).toISOString();
}
