import type { HostOrder } from '@drover/contracts';
import type { OrderRunner } from './carry-out-orders.process.js';
import type { ImageOrderRunner } from './inspect-images.process.js';
import type { JournalBook } from './journal-book.js';

/** Who carries out the orders of each kind of subject. */
export class RunnersOfOrders {
  readonly #vms: OrderRunner;
  readonly #images: ImageOrderRunner;
  readonly #book: JournalBook;

  constructor(vms: OrderRunner, images: ImageOrderRunner, book: JournalBook) {
    this.#vms = vms;
    this.#images = images;
    this.#book = book;
  }

  /** A taken order that is durable. */
  enqueue(order: HostOrder): void {
    if (order.kind === 'inspect-image') this.#images.enqueue(order);
    else this.#vms.enqueue(order);
  }

  /** Takes up what the journal holds. */
  resume(): void {
    this.#vms.resume();
    for (const { order } of this.#book.content.orders.values()) {
      if (order.kind === 'inspect-image') this.#images.enqueue(order);
    }
  }
}
