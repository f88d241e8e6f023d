import type { Clock } from '@drover/domain-kit';

/** A clock that goes when it is told to. */
export class ManualClock implements Clock {
  #ms = 0;

  advance(ms: number): void {
    this.#ms += ms;
  }

  epochMs(): number {
    return Date.UTC(2026, 0, 1) + this.#ms;
  }

  monotonicMs(): number {
    return this.#ms;
  }
}
