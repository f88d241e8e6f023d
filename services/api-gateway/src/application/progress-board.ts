import type { OperationId, Progress, StoredEvent } from '@drover/contracts';
import { isVmEvent } from '../projections/fleet/fleet.fold.js';
import { isOperationEvent } from '../projections/fleet/operation-view.state.js';

/** Operations whose progress is kept; the ones heard of longest ago go first. */
const LARGEST = 10_000;

/** The newest that was heard of each operation under way. Empty after a start, and nobody decides by it. */
export class ProgressBoard {
  readonly #newest = new Map<OperationId, Pick<Progress, 'percent' | 'text'>>();

  note({ operationId, percent, text }: Progress): void {
    this.#newest.delete(operationId);
    this.#newest.set(operationId, { percent, text });
    if (this.#newest.size <= LARGEST) return;
    const [oldest] = this.#newest.keys();
    if (oldest !== undefined) this.#newest.delete(oldest);
  }

  of(operationId: OperationId): Pick<Progress, 'percent' | 'text'> | null {
    return this.#newest.get(operationId) ?? null;
  }

  /** Forgets operations that have ended. */
  notice(events: readonly StoredEvent[]): void {
    if (this.#newest.size === 0) return;
    for (const event of events) {
      if (!isVmEvent(event) || !isOperationEvent(event)) continue;
      if (event.type !== 'OperationBegan' && event.type !== 'OperationCancelRequested') {
        this.#newest.delete(event.data.operationId);
      }
    }
  }
}
