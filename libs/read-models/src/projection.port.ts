import type { Position, StoredEvent } from '@drover/contracts';

/** PostgreSQL reads and plans it once per connection; for what is asked all the time. One name, one text. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

const preparedStatements = new Map<string, Statement>();

/** A statement of a text that is sent again and again. There is one for each text, so its texts must be few. */
export function prepared(text: string): Statement {
  const known = preparedStatements.get(text);
  if (known !== undefined) return known;
  const statement = { name: `prepared ${preparedStatements.size}`, text };
  preparedStatements.set(text, statement);
  return statement;
}

/** SQL with `$1`, `$2`, … for its values. Table names are unqualified: they mean the models' own. */
export interface Sql {
  query<Row extends object>(statement: string | Statement, values?: readonly unknown[]): Promise<Row[]>;
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

/** A change of a model's tables, made once and in order. */
export interface TableChange {
  readonly name: string;
  readonly statements: readonly string[];
}

/**
 * How events become the tables of one model.
 *
 * `apply` is given events in order, each exactly once per model, in batches of any size: where the batches end makes no
 * difference to the rows. It does all it does through the SQL it is given. An event that it throws on is passed over,
 * and so is what follows in its stream (`NotShown`).
 */
export interface Projection {
  /** PostgreSQL schema of the model in use. Tables of projections that share a database have different names. */
  readonly name: string;
  /** Of this code as a writer of the model. Code of a lower version than a model was written with leaves writing to the newer one. */
  readonly version: number;
  /** The stream kinds whose events it is given; absent: all. */
  readonly kinds?: readonly string[];
  readonly tables: readonly TableChange[];
  /** Whether the event, which it is given, is of a type or version that this code does not know. */
  isUnknown(event: StoredEvent): boolean;
  /** Says in the thing's own row, where it has one, that it is not shown any further. */
  mark(sql: Sql, notShown: NotShown): Promise<void>;
  apply(sql: Sql, events: readonly StoredEvent[]): Promise<void>;
}
