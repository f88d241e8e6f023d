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
  /** Ends all sessions of the services' roles: who has signed in with an old password has to sign in with the new one. */
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
  return untilAnswered('prepare the event store', patienceMs, async () => {
    const client = await connectClient(ownerUrl, () => undefined);
    try {
      const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
      const database = rows[0]?.name ?? '';
      const withoutRoles = await hindranceToRoles(client);
      const endSessions = async () => {
        if (endsSessions && withoutRoles === undefined) await endSessionsOfRoles(client, database);
      };
      await client.query(`SET lock_timeout = ${patienceMs}`);
      // Before, because one of them may hold a lock that is needed here; afterwards, because until then the old password is good.
      await endSessions();
      await inTransaction(client, async () => {
        await migrateSchema(client, tables);
        await makeReadModelSchemas(client);
        if (withoutRoles === undefined) await makeRoles(client, database, tables, passwords);
      });
      await endSessions();
      const urls = forEachService((service) =>
        withoutRoles === undefined ? urlAs(ownerUrl, roleOf(database, service), passwords?.[service]) : ownerUrl,
      );
      return { urls, ...(withoutRoles === undefined ? {} : { withoutRoles }) };
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
