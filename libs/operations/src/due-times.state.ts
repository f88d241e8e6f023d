import type { Clock } from '@drover/domain-kit';
import type { Timer } from './timer.port.js';

interface Entry<Key> {
  readonly key: Key;
  readonly atMs: number;
}

/**
 * When to look at what again: one time per key, one timer for all. Times are of the monotonic clock. Of many that are due
 * together, a few come in each turn of the event loop.
 */
export class DueTimes<Key> {
  readonly #clock: Clock;
  readonly #timer: Timer;
  readonly #keysPerTurn: number;
  readonly #onDue: (key: Key) => void;
  readonly #times = new Map<Key, number>();
  /** Binary heap, earliest first. Entries whose key has got another time since are passed over. */
  readonly #heap: Entry<Key>[] = [];
  #armed: { readonly atMs: number; readonly stop: () => void } | undefined;

  constructor(clock: Clock, timer: Timer, keysPerTurn: number, onDue: (key: Key) => void) {
    this.#clock = clock;
    this.#timer = timer;
    this.#keysPerTurn = keysPerTurn;
    this.#onDue = onDue;
  }

  set(key: Key, atMs: number): void {
    if (this.#times.get(key) === atMs) return;
    this.#times.set(key, atMs);
    this.#push({ key, atMs });
    this.#arm();
  }

  delete(key: Key): void {
    this.#times.delete(key);
    if (this.#times.size === 0) this.clear();
  }

  clear(): void {
    this.#times.clear();
    this.#heap.length = 0;
    this.#armed?.stop();
    this.#armed = undefined;
  }

  #fire(): void {
    this.#armed = undefined;
    const nowMs = this.#clock.monotonicMs();
    const dueKeys: Key[] = [];
    while (dueKeys.length < this.#keysPerTurn) {
      const first = this.#first();
      if (first === undefined || first.atMs > nowMs) break;
      this.#pop();
      this.#times.delete(first.key);
      dueKeys.push(first.key);
    }
    this.#arm();
    for (const key of dueKeys) this.#onDue(key);
  }

  #arm(): void {
    const first = this.#first();
    if (first === undefined || (this.#armed !== undefined && this.#armed.atMs <= first.atMs)) return;
    this.#armed?.stop();
    const delayMs = Math.min(Math.max(0, first.atMs - this.#clock.monotonicMs()), LONGEST_DELAY_MS);
    this.#armed = { atMs: first.atMs, stop: this.#timer.after(delayMs, () => this.#fire()) };
  }

  #first(): Entry<Key> | undefined {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#times.get(first.key) === first.atMs) return first;
      this.#pop();
    }
    return undefined;
  }

  #push(entry: Entry<Key>): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex];
      if (parent === undefined || parent.atMs <= entry.atMs) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      const isRight = left !== undefined && right !== undefined && right.atMs < left.atMs;
      const child = isRight ? right : left;
      if (child === undefined || child.atMs >= last.atMs) break;
      heap[index] = child;
      index = 2 * index + (isRight ? 2 : 1);
    }
    heap[index] = last;
  }
}

/** A timer cannot wait longer; it looks again then. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;
