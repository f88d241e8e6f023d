import { afterEach } from '@jest/globals';
import type { Position, Upcaster } from '@drover/contracts';
import type { EventStore } from '../event-store.port.js';
import { appendContract } from './append.contract.js';
import { readContract } from './read.contract.js';
import { subscribeContract } from './subscribe.contract.js';

export interface EventStoreUnderTest {
  /** A store without events. */
  readonly store: EventStore;
  /** Other writers and readers of the same events: further processes' stores, or the same store where it has only one. */
  readonly peers: readonly EventStore[];
  /** Puts an older copy in the store's place, which holds the events up to `upTo`, and opens it as a new process would. */
  readonly restoreOlderCopy: (upTo: Position) => Promise<EventStore>;
}

export type OpenEventStores = (upcasters?: readonly Upcaster[]) => Promise<EventStoreUnderTest>;

/** What every adapter of `EventStore` must do. `open` gives a new, empty store and is followed by `close`. */
export function eventStoreContract(open: OpenEventStores, close: () => Promise<void>): void {
  afterEach(close);
  appendContract(open);
  readContract(open);
  subscribeContract(open);
}
