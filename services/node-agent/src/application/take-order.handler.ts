import { subjectKey, type HostOrder, type HostOrderAnswer, type OrderId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { decideTaking } from '../domain/taking/take-order.decider.js';
import type { JournalBook } from './journal-book.js';

export interface TakeOrderOptions {
  readonly book: JournalBook;
  readonly clock: Clock;
  readonly isTableKnown: () => boolean;
  readonly carryOut: (order: HostOrder) => void;
}

/** Answers orders: *taken* only once the order is durable in the journal. */
export class TakeOrder {
  readonly #options: TakeOrderOptions;
  /** Orders on their way to disk: a repeat waits with the first. */
  readonly #writing = new Map<OrderId, Promise<void>>();

  constructor(options: TakeOrderOptions) {
    this.#options = options;
  }

  /**
   * Throws `JOURNAL_UNAVAILABLE` where it could not be written down; nothing is carried out then.
   *
   * @param receivedAtMs on this process's monotonic clock.
   */
  async take(order: HostOrder, receivedAtMs: number): Promise<HostOrderAnswer> {
    const { book, carryOut, clock, isTableKnown } = this.#options;
    const { orderId, subject } = order;
    const state = {
      isTableKnown: isTableKnown(),
      newest: book.content.newest.get(subjectKey(subject)),
      isUnderWay: book.content.orders.has(orderId),
    };
    const { answer, isNew } = decideTaking(state, order, clock.monotonicMs() - receivedAtMs);
    if (!isNew) {
      await this.#writing.get(orderId);
      return answer;
    }
    const written = book.record([{ kind: 'taken', order }]);
    this.#writing.set(orderId, written);
    try {
      await written;
    } catch (error) {
      book.revoke({ kind: 'untaken', order });
      throw error;
    } finally {
      this.#writing.delete(orderId);
    }
    carryOut(order);
    return answer;
  }
}
