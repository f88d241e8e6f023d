import { errors, Rejected } from '@drover/contracts';

/** How many of something one principal may have open, so that one token does not take it from all others. */
export class OpenShares {
  readonly #open = new Map<string, number>();
  readonly #what: string;
  readonly #most: number;

  /** @param what in the plural, as a client reads it. */
  constructor(what: string, most: number) {
    this.#what = what;
    this.#most = most;
  }

  /** Counts one more until the returned function is called; one too many is refused. */
  open(principal: string): () => void {
    const count = this.#open.get(principal) ?? 0;
    if (count >= this.#most) {
      const detail = `${principal} has ${count} ${this.#what} open, which is the maximum; wait for some to end`;
      throw new Rejected(errors.TOO_MANY_REQUESTS(detail));
    }
    this.#open.set(principal, count + 1);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      const left = (this.#open.get(principal) ?? 1) - 1;
      if (left === 0) this.#open.delete(principal);
      else this.#open.set(principal, left);
    };
  }
}
