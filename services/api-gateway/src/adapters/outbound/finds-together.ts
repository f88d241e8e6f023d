/** What one statement asks for; their views are held in memory at once. */
const MOST_AT_ONCE = 100;

type Asked<Found> = ReturnType<typeof Promise.withResolvers<Found | undefined>>;

/**
 * Things that are asked for by id in one turn of the event loop are read together: a batch of the projection wakes all requests whose
 * operations ended in it, and each of them wants to see its own.
 */
export class FindsTogether<Found> {
  readonly #read: (ids: readonly string[]) => Promise<ReadonlyMap<string, Found>>;
  #asked = new Map<string, Asked<Found>>();

  /** @param read gives those that there are, by id. */
  constructor(read: (ids: readonly string[]) => Promise<ReadonlyMap<string, Found>>) {
    this.#read = read;
  }

  find(id: string): Promise<Found | undefined> {
    const known = this.#asked.get(id);
    if (known !== undefined) return known.promise;
    if (this.#asked.size === 0) setImmediate(() => this.#readAsked());
    const asked: Asked<Found> = Promise.withResolvers();
    this.#asked.set(id, asked);
    return asked.promise;
  }

  #readAsked(): void {
    const asked = [...this.#asked];
    this.#asked = new Map();
    for (let from = 0; from < asked.length; from += MOST_AT_ONCE) {
      void this.#readSome(asked.slice(from, from + MOST_AT_ONCE));
    }
  }

  async #readSome(some: readonly (readonly [string, Asked<Found>])[]): Promise<void> {
    try {
      const found = await this.#read(some.map(([id]) => id));
      for (const [id, { resolve }] of some) resolve(found.get(id));
    } catch (error) {
      for (const [, { reject }] of some) reject(error);
    }
  }
}
