import type { OperationId } from '@drover/contracts';

/** Wakes those who wait for an operation's end, once the read model shows it. */
export class OperationEnds {
  readonly #waiting = new Map<OperationId, Set<() => void>>();

  /** Told of every operation that has ended, behind its projection. */
  notice(ended: readonly OperationId[]): void {
    for (const operationId of ended) {
      for (const wake of [...(this.#waiting.get(operationId) ?? [])]) wake();
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
