/**
 * A pure function of a text that remembers its newest results: as many as `most`, and up to as many again of those before.
 *
 * Two generations in place of an order of use: a look costs one map, and what is not asked for any more goes with its generation.
 */
export function remembered<Result>(most: number, make: (key: string) => Result): (key: string) => Result {
  let newer = new Map<string, Result>();
  let older = newer;
  return (key) => {
    const known = newer.get(key);
    if (known !== undefined) return known;
    const result = older.get(key) ?? make(key);
    if (newer.size >= most) {
      older = newer;
      newer = new Map();
    }
    newer.set(key, result);
    return result;
  };
}
