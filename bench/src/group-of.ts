/** Whatever waits while one group is written goes into the next together. */
export class GroupOf<Item> {
  readonly #write: (items: readonly Item[]) => Promise<void>;
  #waiting: Item[] = [];
  #next: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(write: (items: readonly Item[]) => Promise<void>) {
    this.#write = write;
  }

  /** Resolves when it is written. */
  add(item: Item): Promise<void> {
    this.#waiting.push(item);
    this.#next ??= this.#after(this.#last);
    return this.#next;
  }

  async #after(last: Promise<void>): Promise<void> {
    await last;
    // Who was just answered may come back with this group.
    await new Promise((resolve) => setImmediate(resolve));
    const items = this.#waiting;
    this.#waiting = [];
    const written = this.#write(items);
    this.#next = undefined;
    this.#last = written;
    await written;
  }
}
