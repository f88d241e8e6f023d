export interface Page<Item> {
  readonly items: readonly Item[];
  /** Where the next page begins; absent on the last one. */
  readonly next?: string;
}

/** So many things of one name are told of where one was meant. */
export const NAMESAKES = 10;

/** Names a kind of resource, and carries the types of what is shown of it and of how lists of it are asked for. */
export interface ResourceKey<Shown, Query> {
  readonly name: string;
  /** Never there: for the compiler alone. */
  readonly types?: readonly [Shown, Query];
}

export function resourceKey<Shown, Query>(name: string): ResourceKey<Shown, Query> {
  return { name };
}

/** One kind of resource in the read model. Faults are `STORE_UNAVAILABLE`; a cursor that no page gave is refused with `INVALID_FIELD`. */
export interface ResourceReads<Shown, Query> {
  /** By id, also one that lists do not show any more. */
  find(id: string): Promise<Shown | undefined>;
  /** Those that bear the name now, by id, no more than `NAMESAKES`: a name is no identity. Of a kind without names: none. */
  named(name: string, project?: string): Promise<readonly Shown[]>;
  /** In an order of its own: each thing that is there throughout comes exactly once. */
  list(query: Query): Promise<Page<Shown>>;
}

export interface Reads {
  of<Shown, Query>(key: ResourceKey<Shown, Query>): ResourceReads<Shown, Query>;
}
