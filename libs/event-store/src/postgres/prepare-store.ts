import { forEachService, type BuiltService } from '@drover/contracts';
import { connectClient, untilAnswered } from './database.client.js';
import { inTransaction, migrateSchema, tablesIn } from './schema.js';
import {
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
  /** How long to wait for a database that does not answer; 5000 by default. */
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
  const { ownerUrl, passwords, patienceMs = 5_000 } = options;
  const tables = tablesIn(options.schema ?? 'event_store');
  return untilAnswered('prepare the event store', patienceMs, async () => {
    const client = await connectClient(ownerUrl, () => undefined);
    try {
      const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
      const database = rows[0]?.name ?? '';
      const withoutRoles = await hindranceToRoles(client);
      await inTransaction(client, async () => {
        await migrateSchema(client, tables);
        await makeReadModelSchemas(client);
        if (withoutRoles === undefined) await makeRoles(client, database, tables, passwords);
      });
      const urls = forEachService((service) =>
        withoutRoles === undefined ? urlAs(ownerUrl, roleOf(database, service), passwords?.[service]) : ownerUrl,
      );
      return { urls, ...(withoutRoles === undefined ? {} : { withoutRoles }) };
    } finally {
      await client.end();
    }
  });
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
