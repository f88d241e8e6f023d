import type { StoredEvent } from '@drover/contracts';
import type { Constructor, EntitySchema } from '@mikro-orm/core';
import type { Migration } from '@mikro-orm/migrations';

/** SQL inside the transaction that also moves the checkpoint. Table names are unqualified: they mean the model's own. */
export interface SqlTransaction {
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

export interface Projected {
  /** Events of a type or version that this code does not know. A read model decides nothing, so they may be passed over. */
  readonly skipped: number;
}

/**
 * How events become tables.
 *
 * `apply` is given events in order, each exactly once per model, in batches of any size: where the batches end makes no
 * difference to the rows. It does all it does through the transaction it is given. An event that it throws on stops the
 * projection and raises an alarm.
 */
export interface Projection {
  /** PostgreSQL schema of the model in use. */
  readonly name: string;
  readonly entities: readonly EntitySchema[];
  /** In order; their SQL names tables without a schema. */
  readonly migrations: readonly { readonly name: string; readonly class: Constructor<Migration> }[];
  apply(sql: SqlTransaction, events: readonly StoredEvent[]): Promise<Projected>;
}
