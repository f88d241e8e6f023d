import { type Fault, errors } from '@drover/contracts';

/** The newest event of a store at some moment; `sequence` 0 where it held none. */
export interface Newest {
  readonly sequence: number;
  readonly id: string;
}

/** The store no longer holds what this process has read from it or written to it. */
export function tailLost(seen: number, newest: number): Fault {
  const detail = `the event store has lost its tail: position ${seen} was seen, newest is ${newest}`;
  return errors.STORE_TAIL_LOST('not-applied', detail, { data: { seen, newest } });
}

function historyReplaced({ sequence, id }: Newest, found: string): Fault {
  const detail = `the event store has lost its tail: position ${sequence} was seen as event ${id} and is now event ${found}`;
  return errors.STORE_TAIL_LOST('not-applied', detail, { data: { seen: sequence } });
}

/**
 * What this process knows to be in the store, to notice a store that was restored from an older copy or failed over to one.
 *
 * Whatever was folded from the lost events is wrong from then on, so the loss is final for the process: only a new one may
 * go on, which begins with what the store holds.
 */
export class SeenHistory {
  #newest: Newest = { sequence: 0, id: '' };
  #loss: Fault | undefined;

  /** Taken before a question, and given back with its answer: questions overtake each other. */
  get newest(): Newest {
    return this.#newest;
  }

  assertWhole(): void {
    if (this.#loss !== undefined) throw this.#loss;
  }

  /** Compares the store's newest event with the one that was known when the question was asked. Throws when the tail is lost. */
  compare(known: Newest, found: Newest): void {
    this.assertWhole();
    if (found.sequence < known.sequence) this.#lose(tailLost(known.sequence, found.sequence));
    if (found.sequence === known.sequence) this.compareEvent(known, found.id);
    if (found.sequence > this.#newest.sequence) this.#newest = found;
  }

  /** Compares the event that stands where `known` stood: other writers may have filled the place of a lost one. */
  compareEvent(known: Newest, found: string): void {
    this.assertWhole();
    if (known.id !== found) this.#lose(historyReplaced(known, found));
  }

  /** An append of this process was stored, up to `stored`; `known` was the newest before. */
  appended(known: Newest, stored: Newest): void {
    this.assertWhole();
    if (stored.sequence <= known.sequence) this.#lose(tailLost(known.sequence, stored.sequence));
    if (stored.sequence > this.#newest.sequence) this.#newest = stored;
  }

  #lose(loss: Fault): never {
    this.#loss ??= loss;
    throw this.#loss;
  }
}
