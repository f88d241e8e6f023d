import type { OperationId, StoredEvent } from '@drover/contracts';
import { isOperationEvent } from '../projections/fleet/operation-view.state.js';
import { isVmEvent } from '../projections/fleet/fleet.fold.js';

/** Wakes those who wait for an operation's end, once the read model shows it. */
export class OperationEnds {
  readonly #waiting = new Map<OperationId, Set<() => void>>();

  /** Told of every batch behind its projection. */
  notice(events: readonly StoredEvent[]): void {
    if (this.#waiting.size === 0) return;
    for (const event of events) {
      if (!isVmEvent(event) || !isOperationEvent(event)) continue;
      if (event.type === 'OperationBegan' || event.type === 'OperationCancelRequested') continue;
      for (const wake of this.#waiting.get(event.data.operationId) ?? []) wake();
    }
  }

  /** Resolves when the end is noticed or the time is over; the caller looks which. Begin waiting before looking. */
  wait(operationId: OperationId, timeoutMs: number): { readonly woken: Promise<void>; readonly stop: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(stop, timeoutMs);
    const waiting = this.#waiting.get(operationId) ?? new Set();
    this.#waiting.set(operationId, waiting.add(stop));
    const forget = () => {
      waiting.delete(stop);
      if (waiting.size === 0) this.#waiting.delete(operationId);
    };
    function stop(): void {
      clearTimeout(timer);
      forget();
      resolve();
    }
    return { woken: promise, stop };
  }

  /** Lets everybody go who waits. */
  release(): void {
    for (const waiting of [...this.#waiting.values()]) for (const wake of [...waiting]) wake();
  }
}
