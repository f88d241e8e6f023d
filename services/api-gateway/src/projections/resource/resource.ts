import type { StoredEvent } from '@drover/contracts';
import type { NotShown, Sql } from '@drover/read-models';
import type { ResourceKey } from '../../application/ports/resource-reads.port.js';

/** What every view has. */
export interface View {
  readonly id: string;
}

export type ColumnType = 'text' | 'uuid' | 'boolean' | 'bigint' | 'jsonb' | 'timestamptz(3)';

/** What lists filter and sort by stands in a column; all else stands in the view alone. */
export interface Column<Shown extends View> {
  readonly type: ColumnType;
  readonly isNullable?: true;
  /** Undefined is stored as null. */
  of(view: Shown): unknown;
}

/** Adds a value to a statement and gives its placeholder. */
export type Param = (value: unknown) => string;

/** One way to choose among views, told twice: to PostgreSQL, where the resource's table is called `t`, and in memory. */
export interface Filter<Stored extends View, Value> {
  sql(value: Value, param: Param): string;
  matches(view: Stored, value: Value): boolean;
  /** Where another table has the rows in the order of the list: how it is joined to `t`, and its columns of that order. */
  join?(value: Value, param: Param): { readonly sql: string; readonly order: readonly string[] };
}

/** What one event did to the thing that it is about. */
export interface Step<Stored extends View> {
  readonly event: StoredEvent;
  readonly before: Stored | undefined;
  readonly after: Stored | undefined;
}

/** A batch of events, folded. */
export interface Folded<Stored extends View> {
  /** The views that the batch is about, as they were. */
  readonly before: ReadonlyMap<string, Stored>;
  /** The same views as they are now. */
  readonly after: ReadonlyMap<string, Stored>;
  readonly steps: readonly Step<Stored>[];
}

/** Views of every resource, as a plain fold of all events gives them. */
export interface AllViews {
  of<Stored extends View>(resource: string): readonly Stored[];
}

/** By the parameters of a list that choose; the others tell which page is meant. */
export type Filters<Stored extends View, Query> = {
  readonly [Name in Exclude<keyof Query, 'after' | 'limit'>]-?: Filter<Stored, NonNullable<Query[Name]>>;
};

/**
 * A kind of thing that the API shows, declared once. Its tables, projection, lists, and finding by id or name follow from this, in
 * PostgreSQL and in memory alike.
 */
export interface Resource<Stored extends View, Query, Shown = Stored> {
  /** Its name is the table's too. */
  readonly key: ResourceKey<Shown, Query>;
  /** The stream kinds whose events it is given; absent: all. */
  readonly kinds?: readonly string[];
  /** Raised by hand where the same events are shown otherwise. What is known of events counts by itself. */
  readonly revision: number;
  /** The thing that the event, which is a known one, is about; undefined where it is about none of these. */
  idOf(event: StoredEvent): string | undefined;
  /** The view after one more event of its own; undefined where its beginning was never seen. */
  evolve(view: Stored | undefined, event: StoredEvent): Stored | undefined;
  /** Whether a newer release has to show the event, which it is given. */
  isUnknown(event: StoredEvent): boolean;
  /** In addition to `id` and `view`, which every table has. */
  readonly columns: Readonly<Record<string, Column<Stored>>>;
  /** What is indexed, as `name, id`, by the index's name. */
  readonly indexes: Readonly<Record<string, string>>;
  /** Of lists. The id comes last, and tells all rows apart. */
  readonly order: { readonly columns: readonly string[]; readonly isDescending?: true };
  readonly filters: Filters<Stored, Query>;
  /** What lists and names show; absent: everything. */
  readonly listed?: { readonly sql: string; matches(view: Stored): boolean };
  /** The column of names, and the one of the projects in which they are names; absent: the things have no names. */
  readonly named?: { readonly column: string; readonly within?: string };
  /** The rows in which a stream is shown; absent: the one with the id of the stream's thing. */
  rowsOf?(notShown: NotShown, param: Param): string;
  /** Tables in addition to its own, kept in the same transaction. */
  readonly side?: {
    readonly statements: readonly string[];
    save(sql: Sql, folded: Folded<Stored>): Promise<void>;
  };
  /** What is shown with a view and does not follow from its own events. */
  readonly complete?: {
    sql(sql: Sql, views: readonly Stored[]): Promise<readonly Shown[]>;
    inMemory(views: readonly Stored[], all: AllViews): readonly Shown[];
  };
}

/** Any resource, for those who treat all alike. */
export type AnyResource = Resource<View, object, unknown>;

/** Keeps what a declaration says of its types. */
export function defineResource<Stored extends View, Query, Shown = Stored>(
  resource: Resource<Stored, Query, Shown>,
): Resource<Stored, Query, Shown> {
  return resource;
}

/** A filter by the value of one column. */
export function equals<Stored extends View, Value>(
  column: string,
  of: (view: Stored) => unknown,
): Filter<Stored, Value> {
  return {
    sql: (value, param) => `t.${column} = ${param(value)}`,
    matches: (view, value) => of(view) === value,
  };
}

/** The filters that a query uses, each with its value. */
export function filtersIn<Stored extends View>(
  { filters }: Pick<Resource<Stored, object, unknown>, 'filters'>,
  query: object,
): readonly (readonly [Filter<Stored, unknown>, unknown])[] {
  const declared = Object.entries<Filter<Stored, unknown>>(filters);
  const values = new Map<string, unknown>(Object.entries(query));
  return declared.flatMap(([name, filter]) => {
    const value = values.get(name);
    return value === undefined ? [] : [[filter, value] as const];
  });
}

/** What a batch of events makes of the views that stand before it. */
export function foldBatch<Stored extends View>(
  resource: Pick<Resource<Stored, object, unknown>, 'idOf' | 'evolve'>,
  before: ReadonlyMap<string, Stored>,
  events: readonly StoredEvent[],
): Folded<Stored> {
  const after = new Map(before);
  const steps: Step<Stored>[] = [];
  for (const event of events) {
    const id = resource.idOf(event);
    if (id === undefined) continue;
    const was = after.get(id);
    const is = resource.evolve(was, event);
    if (is !== undefined) after.set(id, is);
    steps.push({ event, before: was, after: is });
  }
  return { before, after, steps };
}
