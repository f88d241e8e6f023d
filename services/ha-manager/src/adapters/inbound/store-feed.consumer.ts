import { isKnownEvent, START, type StoredEvent, type StoredHostEvent } from '@drover/contracts';
import type { EventStore, Subscription } from '@drover/event-store';

export interface StoreFeedOptions {
  readonly store: EventStore;
  readonly onEvent: (event: StoredHostEvent) => void;
  /** This release does not know the event and must not decide any more (safety.md 23). */
  readonly onUnknownEvent: (event: StoredEvent) => void;
}

/** Brings every event of hosts, in order, on every replica, all the time. */
export class StoreFeed {
  readonly #subscription: Subscription;

  constructor({ store, onEvent, onUnknownEvent }: StoreFeedOptions) {
    this.#subscription = store.subscribe(
      START,
      (events) => {
        for (const event of events) {
          if (isKnownEvent(event)) onEvent(event as StoredHostEvent);
          else onUnknownEvent(event);
        }
      },
      { filter: { streamKinds: ['host'] } },
    );
  }

  /** Resolves when everything is folded that the store held at the time of the call. */
  caughtUp(): Promise<void> {
    return this.#subscription.caughtUp();
  }

  /** Rejects when following has ended by a defect. */
  get closed(): Promise<void> {
    return this.#subscription.closed;
  }

  stop(): Promise<void> {
    return this.#subscription.stop();
  }
}
