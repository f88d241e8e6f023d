const BITS = 5;
const FANOUT = 1 << BITS;
/** Levels that a 32-bit hash can tell apart; below the last one a bucket simply grows. */
const MAX_DEPTH = Math.floor(32 / BITS);
/** Entries that are still found faster by looking at each than by one more level. */
const BUCKET_SIZE = 8;

type Entry<K, V> = readonly [K, V];
type Bucket<K, V> = { readonly entries: readonly Entry<K, V>[] };
type Branch<K, V> = { readonly children: readonly (Node<K, V> | undefined)[] };
type Node<K, V> = Bucket<K, V> | Branch<K, V>;

/**
 * A map that is never changed: `set` and `delete` give a new map that shares all but a few nodes with the old one.
 *
 * A fleet holds 100,000 VMs and takes hundreds of events a second, so copying a `Map` per event is out of the question;
 * and planners try moves on the fleet as it is while events go on arriving, so changing it in place is too. Both
 * operations cost O(log n). The order of iteration depends on the keys alone, up to keys whose hashes collide: do not
 * let a decision rest on it.
 */
export class PersistentMap<K extends string, V extends NonNullable<unknown>> {
  readonly size: number;
  readonly #root: Node<K, V>;

  private constructor(size: number, root: Node<K, V>) {
    this.size = size;
    this.#root = root;
  }

  static empty<K extends string, V extends NonNullable<unknown>>(): PersistentMap<K, V> {
    return new PersistentMap<K, V>(0, { entries: [] });
  }

  static of<K extends string, V extends NonNullable<unknown>>(entries: Iterable<Entry<K, V>>): PersistentMap<K, V> {
    let map = PersistentMap.empty<K, V>();
    for (const [key, value] of entries) map = map.set(key, value);
    return map;
  }

  get(key: K): V | undefined {
    let node = this.#root;
    for (let hash = hashOf(key); 'children' in node; hash >>>= BITS) {
      const child: Node<K, V> | undefined = node.children[hash & (FANOUT - 1)];
      if (child === undefined) return undefined;
      node = child;
    }
    for (const entry of node.entries) if (entry[0] === key) return entry[1];
    return undefined;
  }

  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  set(key: K, value: V): PersistentMap<K, V> {
    const size = this.has(key) ? this.size : this.size + 1;
    return new PersistentMap(size, put(this.#root, [key, value], hashOf(key), 0));
  }

  delete(key: K): PersistentMap<K, V> {
    if (!this.has(key)) return this;
    return new PersistentMap(this.size - 1, without(this.#root, key, hashOf(key)));
  }

  *entries(): Generator<Entry<K, V>> {
    yield* entriesOf(this.#root);
  }

  *keys(): Generator<K> {
    for (const [key] of entriesOf(this.#root)) yield key;
  }

  *values(): Generator<V> {
    for (const [, value] of entriesOf(this.#root)) yield value;
  }

  /** Faster than `values` by not being a generator: for the one loop over all hosts of every placement. */
  forEach(visit: (value: V, key: K) => void): void {
    walk(this.#root, visit);
  }
}

/** FNV-1a, finished with a mix: ids that differ in one digit must not share their low bits. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index += 1) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** `hash` has lost the bits that the levels above have used. */
function put<K, V>(node: Node<K, V>, entry: Entry<K, V>, hash: number, depth: number): Node<K, V> {
  if ('children' in node) return withChild(node, entry, hash, depth);
  const rest = node.entries.filter(([key]) => key !== entry[0]);
  if (rest.length < BUCKET_SIZE || depth >= MAX_DEPTH) return { entries: [...rest, entry] };
  let split: Branch<K, V> = { children: new Array<Node<K, V> | undefined>(FANOUT).fill(undefined) };
  for (const old of rest) split = withChild(split, old, hashOf(old[0] as string) >>> (BITS * depth), depth);
  return withChild(split, entry, hash, depth);
}

function withChild<K, V>(branch: Branch<K, V>, entry: Entry<K, V>, hash: number, depth: number): Branch<K, V> {
  const slot = hash & (FANOUT - 1);
  const child = branch.children[slot] ?? { entries: [] };
  return { children: branch.children.with(slot, put(child, entry, hash >>> BITS, depth + 1)) };
}

function without<K, V>(node: Node<K, V>, key: K, hash: number): Node<K, V> {
  if (!('children' in node)) return { entries: node.entries.filter(([other]) => other !== key) };
  const slot = hash & (FANOUT - 1);
  const child = node.children[slot];
  return child === undefined ? node : { children: node.children.with(slot, without(child, key, hash >>> BITS)) };
}

function* entriesOf<K, V>(node: Node<K, V>): Generator<Entry<K, V>> {
  if (!('children' in node)) return yield* node.entries;
  for (const child of node.children) if (child !== undefined) yield* entriesOf(child);
}

function walk<K, V>(node: Node<K, V>, visit: (value: V, key: K) => void): void {
  if ('children' in node) {
    for (const child of node.children) if (child !== undefined) walk(child, visit);
  } else {
    for (const [key, value] of node.entries) visit(value, key);
  }
}
