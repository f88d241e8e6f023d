import { setTimeout as delay } from 'node:timers/promises';
import { forEachService, type BuiltService } from '@drover/contracts';
import pg from 'pg';
import { connectClient, untilAnswered } from './database.client.js';
import { inTransaction, migrateSchema, tablesIn } from './schema.js';
import {
  endSessionsOfRoles,
  hindranceToRoles,
  makeReadModelSchemas,
  makeRoles,
  roleOf,
  type ServicePasswords,
} from './store-roles.client.js';

export interface PrepareStoreOptions {
  /** Of the role that owns the database; a secret that no service needs. */
  readonly ownerUrl: string;
  /**
   * Of each service's role. ASCII, made by a generator and kept by the caller; new ones are as good, for services that start
   * afterwards. Absent where the server asks for none: the roles then have none.
   */
  readonly passwords?: ServicePasswords;
  /** PostgreSQL schema that holds the store; `event_store` by default. */
  readonly schema?: string;
  /**
   * Ends all sessions of the services' roles: who has signed in with an old password has to sign in with the new one. Takes as long as
   * the server gives a client to sign in (its `authentication_timeout`, one minute by default), because who has begun to do so with the
   * old password may end it with that.
   */
  readonly endsSessions?: boolean;
  /** How long to wait for a database that does not answer, or for another session's lock; 5000 by default. */
  readonly patienceMs?: number;
}

export interface PreparedStore {
  /** What each service connects with; secrets. */
  readonly urls: Readonly<Record<BuiltService, string>>;
  /** Why there are no roles, and all services connect as the owner: for the operator. Absent where there are. */
  readonly withoutRoles?: string;
}

/**
 * Brings the tables of the event store up to date, makes the schemas of the read models, and gives every service a role with the least rights. The one step that
 * needs the owner; idempotent, and safe while services run or another one prepares.
 */
export async function prepareStore(options: PrepareStoreOptions): Promise<PreparedStore> {
  const { ownerUrl, passwords, endsSessions = false, patienceMs = 5_000 } = options;
  const tables = tablesIn(options.schema ?? 'event_store');
  const { database, renewedAt, withoutRoles } = await asOwner(options, async (client) => {
    const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
    const name = rows[0]?.name ?? '';
    const hindrance = await hindranceToRoles(client);
    const endSessions = async () => {
      if (endsSessions && hindrance === undefined) await endSessionsOfRoles(client, name);
    };
    await client.query(`SET lock_timeout = ${patienceMs}`);
    // Before, because one of them may hold a lock that is needed here; afterwards, because until then the old password is good.
    await endSessions();
    await inTransaction(client, async () => {
      await migrateSchema(client, tables);
      await makeReadModelSchemas(client);
      if (hindrance === undefined) await makeRoles(client, name, tables, passwords);
    });
    const renewed = await client.query<{ at: string }>('SELECT clock_timestamp() AS at');
    await endSessions();
    return { database: name, renewedAt: renewed.rows[0]?.at, withoutRoles: hindrance };
  });
  if (endsSessions && withoutRoles === undefined) {
    const { rows } = await asOwner(options, (client) =>
      client.query<{ ms: string }>(
        `SELECT extract(epoch FROM current_setting('authentication_timeout')::interval) * 1000 AS ms`,
      ),
    );
    await delay(Number(rows[0]?.ms));
    await asOwner(options, (client) => endSessionsOfRoles(client, database, renewedAt));
  }
  const urls = forEachService((service) =>
    withoutRoles === undefined ? urlAs(ownerUrl, roleOf(database, service), passwords?.[service]) : ownerUrl,
  );
  return { urls, ...(withoutRoles === undefined ? {} : { withoutRoles }) };
}

function asOwner<Result>(
  { ownerUrl, patienceMs = 5_000 }: PrepareStoreOptions,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  return untilAnswered('prepare the event store', patienceMs, async () => {
    const client = await connectClient(ownerUrl, () => undefined);
    try {
      return await work(client);
    } catch (error) {
      throw isLockTimeout(error) ? new Error(lockedFor(patienceMs), { cause: error }) : error;
    } finally {
      await client.end();
    }
  });
}

function isLockTimeout(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '55P03';
}

function lockedFor(patienceMs: number): string {
  return `another session has held a lock that is needed for ${patienceMs} ms: find it in pg_locks, end it with pg_terminate_backend, and try again`;
}

/** The same database, by another role. */
function urlAs(ownerUrl: string, role: string, password: string | undefined): string {
  const url = new URL(ownerUrl);
  url.searchParams.delete('user');
  url.searchParams.delete('password');
  if (url.hostname === '') {
    // A unix socket: without a host no user can stand before it.
    url.searchParams.set('user', role);
    if (password !== undefined) url.searchParams.set('password', password);
  } else {
    url.username = role;
    url.password = password ?? '';
  }
  return url.href;
}
