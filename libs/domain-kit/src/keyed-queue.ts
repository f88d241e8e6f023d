/** Runs actions one after the other per key, in the order of the calls. Different keys do not wait for each other. */
export class KeyedQueue<Key> {
  readonly #tails = new Map<Key, Promise<void>>();

  /** Keys for which an action runs or waits. */
  get size(): number {
    return this.#tails.size;
  }

  /** Settles as the action does. An action that fails does not keep the next one from running. */
  run<Result>(key: Key, action: () => Promise<Result>): Promise<Result> {
    const previous = this.#tails.get(key);
    const run = previous === undefined ? action() : previous.then(action);
    const tail = run.then(ignore, ignore).then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    this.#tails.set(key, tail);
    return run;
  }
}

function ignore(): void {}
