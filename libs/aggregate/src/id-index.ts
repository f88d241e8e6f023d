/** The keys under which a thing in this state is found. The same state gives the same keys. */
export type KeysOf<State, Key> = (state: State) => readonly Key[];

/** Something that is kept level with the folds. `undefined` stands for a thing that is not in memory. */
export interface Index<State, Id> {
  put(id: Id, before: State | undefined, after: State | undefined): void;
}

/** Finds ids by keys that follow from their state. */
export class KeyIndex<State, Id, Key> implements Index<State, Id> {
  readonly #keysOf: KeysOf<State, Key>;
  readonly #ids = new Map<Key, Set<Id>>();
  readonly #none: ReadonlySet<Id> = new Set();

  constructor(keysOf: KeysOf<State, Key>) {
    this.#keysOf = keysOf;
  }

  /** To be looked at before the next change, not to be kept. */
  get(key: Key): ReadonlySet<Id> {
    return this.#ids.get(key) ?? this.#none;
  }

  put(id: Id, before: State | undefined, after: State | undefined): void {
    const old = before === undefined ? [] : this.#keysOf(before);
    const now = after === undefined ? [] : this.#keysOf(after);
    for (const key of old) if (!now.includes(key)) this.#remove(key, id);
    for (const key of now) this.#add(key, id);
  }

  #add(key: Key, id: Id): void {
    const ids = this.#ids.get(key);
    if (ids === undefined) this.#ids.set(key, new Set([id]));
    else ids.add(id);
  }

  #remove(key: Key, id: Id): void {
    const ids = this.#ids.get(key);
    if (ids?.delete(id) === true && ids.size === 0) this.#ids.delete(key);
  }
}

/** The ids whose state meets a condition, in the order in which they came to meet it. */
export class IdSet<State, Id> implements Index<State, Id> {
  readonly ids = new Set<Id>();
  readonly #holds: (state: State) => boolean;

  constructor(holds: (state: State) => boolean) {
    this.#holds = holds;
  }

  put(id: Id, _before: State | undefined, after: State | undefined): void {
    if (after !== undefined && this.#holds(after)) this.ids.add(id);
    else this.ids.delete(id);
  }
}
