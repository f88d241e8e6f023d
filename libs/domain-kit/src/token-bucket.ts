/** How fast something may go on, and how much of it may come at once. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Credit that grows with time up to a burst. One take may overdraw it; the next waits until the debt is paid. */
export class TokenBucket {
  readonly #rate: Rate;
  #credit: number;
  #atMs: number;

  constructor(rate: Rate, nowMs: number) {
    this.#rate = rate;
    this.#credit = rate.burst;
    this.#atMs = nowMs;
  }

  /** Milliseconds until there is credit again; 0 when there is some. */
  waitMs(nowMs: number): number {
    const { perSecond, burst } = this.#rate;
    this.#credit = Math.min(burst, this.#credit + (Math.max(0, nowMs - this.#atMs) / 1000) * perSecond);
    this.#atMs = nowMs;
    return this.#credit > 0 ? 0 : Math.ceil((-this.#credit / perSecond) * 1000) + 1;
  }

  /** Whether nothing of the burst is missing, so that a new bucket would be the same. */
  isFull(nowMs: number): boolean {
    return this.waitMs(nowMs) === 0 && this.#credit >= this.#rate.burst;
  }

  take(amount: number): void {
    this.#credit -= amount;
  }
}
