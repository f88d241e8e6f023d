import type { LeaseStore } from '../lease-store.port.js';
import { openPool } from './database.client.js';
import { tablesIn } from './schema.js';

export interface PostgresLeaseStoreOptions {
  readonly connectionString: string;
  /** PostgreSQL schema that holds the store; `event_store` by default. */
  readonly schema?: string;
  /** How long one read or write may take; well below a lease's time to live. */
  readonly timeoutMs: number;
}

export interface PostgresLeaseStore extends LeaseStore {
  close(): Promise<void>;
}

/**
 * Leases in a table of the event store, over a connection of their own: a renewal waits for no reader. What was
 * acknowledged is on disk, so a database that is killed and started again knows who holds what.
 */
export function openPostgresLeaseStore(options: PostgresLeaseStoreOptions): PostgresLeaseStore {
  const { connectionString, timeoutMs } = options;
  const { leases, writeLease } = tablesIn(options.schema ?? 'event_store');
  const pool = openPool(connectionString, 1, { timeoutMs });
  return {
    async read(key) {
      const { rows } = await pool.query<{ value: string; revision: string }>(
        `SELECT value, revision FROM ${leases} WHERE key = $1`,
        [key],
      );
      const [row] = rows;
      return row && { value: row.value, revision: Number(row.revision) };
    },
    async write(key, value, expectedRevision) {
      const { rows } = await pool.query<{ revision: string | null }>(`SELECT ${writeLease}($1, $2, $3) AS revision`, [
        key,
        value,
        expectedRevision,
      ]);
      const revision = rows[0]?.revision ?? 'conflict';
      return revision === 'conflict' ? revision : Number(revision);
    },
    close: () => pool.end(),
  };
}
