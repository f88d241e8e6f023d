import type { Position, StoredEvent } from '@drover/contracts';
import type { Constructor, EntitySchema } from '@mikro-orm/core';
import type { Migration } from '@mikro-orm/migrations';

/** SQL inside the transaction that also moves the checkpoint. Table names are unqualified: they mean the model's own. */
export interface SqlTransaction {
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

export interface Projected {
  /** Events of kinds that this projection does not show. A read model decides nothing, so they may be passed over. */
  readonly skipped: number;
}

/** A thing whose events stopped being shown at one that could not be projected. All others are shown on. */
export interface NotShown {
  /** The stream of the thing: nothing of it is projected from `since` on, until the model is built anew. */
  readonly stream: string;
  readonly since: Position;
  readonly type: string;
  /** At most 500 characters. */
  readonly reason: string;
}

/**
 * How events become tables.
 *
 * `apply` is given events in order, each exactly once per model, in batches of any size: where the batches end makes no
 * difference to the rows. It does all it does through the transaction it is given. An event that it throws on is passed over,
 * and so is what follows in its stream (`NotShown`).
 */
export interface Projection {
  /** PostgreSQL schema of the model in use. */
  readonly name: string;
  /** Of this code as a writer of the model. Code of a lower version than a model was written with leaves writing to the newer one. */
  readonly version: number;
  readonly entities: readonly EntitySchema[];
  /** In order; their SQL names tables without a schema. */
  readonly migrations: readonly { readonly name: string; readonly class: Constructor<Migration> }[];
  /** Whether the event is of a kind that the projection shows, and yet of a type or version that this code does not know. */
  isUnknown(event: StoredEvent): boolean;
  /** Says in the thing's own row, where it has one, that it is not shown any further. */
  mark(sql: SqlTransaction, notShown: NotShown): Promise<void>;
  apply(sql: SqlTransaction, events: readonly StoredEvent[]): Promise<Projected>;
}
