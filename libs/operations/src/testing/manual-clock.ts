import type { Clock } from '@drover/domain-kit';
import type { Timer } from '../timer.port.js';

/** Time that moves when a spec says so. `recordedAt` of a memory store that is given it follows. */
export class ManualClock implements Clock, Timer {
  #nowMs = Date.parse('2026-01-01T00:00:00.000Z');
  #nextId = 0;
  readonly #pending = new Map<number, { readonly atMs: number; readonly action: () => void }>();

  epochMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, action: () => void): () => void {
    const id = this.#nextId++;
    this.#pending.set(id, { atMs: this.#nowMs + delayMs, action });
    return () => void this.#pending.delete(id);
  }

  /** Milliseconds to the next timer, or nothing where none waits. */
  get nextInMs(): number | undefined {
    const times = [...this.#pending.values()].map((timer) => timer.atMs - this.#nowMs);
    return times.length === 0 ? undefined : Math.max(0, Math.min(...times));
  }

  /** Moves on and calls what has become due, in order. */
  advance(byMs: number): void {
    this.#nowMs += byMs;
    for (;;) {
      const due = [...this.#pending].filter(([, timer]) => timer.atMs <= this.#nowMs);
      const first = due.sort(([, a], [, b]) => a.atMs - b.atMs)[0];
      if (first === undefined) return;
      this.#pending.delete(first[0]);
      first[1].action();
    }
  }
}
