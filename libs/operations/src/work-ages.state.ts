import type { Clock } from '@drover/domain-kit';
import type { Since } from './work.js';

interface Age {
  /** The event that the time is counted from. */
  readonly eventKey: string;
  readonly recordedAtMs: number;
  /** When it was recorded, by our monotonic clock; absent until the store has told its time. */
  readonly atMs: number | undefined;
}

/**
 * How long ago each open operation began, or its undo did.
 *
 * No two machines' clocks are compared. An event that is folded as it happens counts from that moment, by our monotonic clock. One
 * from before this process was level with the store is as old as the store says: its time now less its `recordedAt`.
 */
export class WorkAges<Id> {
  readonly #clock: Clock;
  readonly #ages = new Map<Id, Age>();
  #isLevel = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  changed(id: Id, since: Since | undefined): void {
    if (since === undefined) {
      this.#ages.delete(id);
      return;
    }
    const { key: eventKey, recordedAtMs } = since;
    const known = this.#ages.get(id);
    // A snapshot may hold the writer's own time, until the store's copy of the event comes.
    if (known?.eventKey === eventKey && (known.atMs !== undefined || known.recordedAtMs === recordedAtMs)) return;
    const atMs = this.#isLevel ? this.#clock.monotonicMs() : undefined;
    this.#ages.set(id, { eventKey, recordedAtMs, atMs });
  }

  /** Everything has been folded that the store held; this is its time now. */
  level(storeNowMs: number): void {
    this.#isLevel = true;
    const nowMs = this.#clock.monotonicMs();
    for (const [id, age] of this.#ages) {
      if (age.atMs !== undefined) continue;
      this.#ages.set(id, { ...age, atMs: nowMs - Math.max(0, storeNowMs - age.recordedAtMs) });
    }
  }

  /** 0 where nothing is open, and before the store has told its time. */
  ageMs(id: Id): number {
    const atMs = this.#ages.get(id)?.atMs;
    return atMs === undefined ? 0 : this.#clock.monotonicMs() - atMs;
  }
}
