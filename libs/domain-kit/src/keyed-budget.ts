import type { Clock } from './clock.js';
import { TokenBucket, type Rate } from './token-bucket.js';

/** From so many keys on, those that have their whole burst again are forgotten. */
const MANY = 1_000;

/**
 * An allowance for each key, all at one rate. One that has spent nothing for long has the whole burst; what is spent at once may
 * overdraw it, and then nothing is allowed until that is paid.
 */
export class KeyedBudget<Key> {
  readonly #clock: Clock;
  readonly #rate: Rate;
  readonly #buckets = new Map<Key, TokenBucket>();
  #forgetAt = MANY;

  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock;
    this.#rate = rate;
  }

  /** How many keys have not their whole burst, or are not forgotten yet. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Whether something is left; nothing is spent by asking. */
  has(key: Key): boolean {
    const bucket = this.#buckets.get(key);
    return bucket === undefined || bucket.waitMs(this.#clock.monotonicMs()) === 0;
  }

  spend(key: Key, amount: number): void {
    const nowMs = this.#clock.monotonicMs();
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      if (this.#buckets.size >= this.#forgetAt) this.#forgetFull(nowMs);
      bucket = new TokenBucket(this.#rate, nowMs);
      this.#buckets.set(key, bucket);
    }
    // What has grown since counts before what is taken.
    bucket.waitMs(nowMs);
    bucket.take(amount);
  }

  /** What was spent and not used after all. */
  giveBack(key: Key, amount: number): void {
    this.#buckets.get(key)?.take(-amount);
  }

  /** Whether one more is allowed; it is then spent. */
  take(key: Key): boolean {
    if (!this.has(key)) return false;
    this.spend(key, 1);
    return true;
  }

  #forgetFull(nowMs: number): void {
    for (const [key, bucket] of this.#buckets) if (bucket.isFull(nowMs)) this.#buckets.delete(key);
    this.#forgetAt = Math.max(MANY, 2 * this.#buckets.size);
  }
}
