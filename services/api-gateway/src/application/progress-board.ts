import type { OperationId, Progress } from '@drover/contracts';

/** Operations whose progress is kept; the ones heard of longest ago go first. */
const LARGEST = 10_000;

/** The newest that was heard of each operation under way. Empty after a start, and no decision follows from it. */
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

  /** Told of every operation that has ended. */
  forget(ended: readonly OperationId[]): void {
    for (const operationId of ended) this.#newest.delete(operationId);
  }
}
