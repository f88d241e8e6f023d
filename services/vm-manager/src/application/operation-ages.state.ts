import type { VmId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import type { VmState } from '../domain/vm/vm.state.js';

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
export class OperationAges {
  readonly #clock: Clock;
  readonly #ages = new Map<VmId, Age>();
  #isLevel = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  changed(vmId: VmId, { operation }: VmState): void {
    if (operation === undefined) {
      this.#ages.delete(vmId);
      return;
    }
    const { operationId, beganAtMs, undoing } = operation;
    const eventKey = undoing?.cause.eventId ?? operationId;
    const known = this.#ages.get(vmId);
    const recordedAtMs = undoing?.atMs ?? beganAtMs;
    // A snapshot may hold the writer's own time, until the store's copy of the event comes.
    if (known?.eventKey === eventKey && (known.atMs !== undefined || known.recordedAtMs === recordedAtMs)) return;
    const atMs = this.#isLevel ? this.#clock.monotonicMs() : undefined;
    this.#ages.set(vmId, { eventKey, recordedAtMs, atMs });
  }

  /** Everything has been folded that the store held; this is its time now. */
  level(storeNowMs: number): void {
    this.#isLevel = true;
    const nowMs = this.#clock.monotonicMs();
    for (const [vmId, age] of this.#ages) {
      if (age.atMs !== undefined) continue;
      this.#ages.set(vmId, { ...age, atMs: nowMs - Math.max(0, storeNowMs - age.recordedAtMs) });
    }
  }

  /** 0 where nothing is open, and before the store has told its time. */
  ageMs(vmId: VmId): number {
    const atMs = this.#ages.get(vmId)?.atMs;
    return atMs === undefined ? 0 : this.#clock.monotonicMs() - atMs;
  }
}
