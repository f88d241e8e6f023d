import { errors, START, type NewEvent, type Position, type StoredEvent } from '@drover/contracts';
import type { EventStore, ExpectedRevision, Subscription } from '@drover/event-store';
import type { StreamStore } from '../streams.js';

/** What becomes of an append: refused, lost before the store, or stored with its answer lost. */
export type Fate = 'stored' | 'refused' | 'lost' | 'unanswered';

/** A store whose appends meet a fate, by their number. */
export class FaultyStore implements StreamStore {
  readonly #store: EventStore;
  /** Asked for each append, counted from 1; may also bring other disasters about. */
  fateOf: (append: number) => Fate = () => 'stored';
  appends = 0;
  reads = 0;
  /** While set, the feed brings nothing, as on a replica that lags behind. */
  lag: Promise<void> | undefined;

  constructor(store: EventStore) {
    this.#store = store;
  }

  async append(stream: string, expected: ExpectedRevision, events: readonly NewEvent[]) {
    this.appends += 1;
    const fate = this.fateOf(this.appends);
    if (fate === 'refused') throw errors.STORE_UNAVAILABLE('not-applied', 'the store is down');
    if (fate === 'lost') throw errors.STORE_UNAVAILABLE('unknown', 'the connection was cut');
    const result = await this.#store.append(stream, expected, events);
    if (fate === 'unanswered') throw errors.STORE_UNAVAILABLE('unknown', 'the connection was cut');
    return result;
  }

  read(stream: string, options?: { readonly fromRevision?: number }): Promise<readonly StoredEvent[]> {
    this.reads += 1;
    return this.#store.read(stream, options);
  }

  now(): Promise<number> {
    return this.#store.now();
  }

  /** The feed, as a replica follows it. */
  follow(
    streamKinds: readonly string[],
    handler: (events: readonly StoredEvent[], upTo: Position) => void,
    from = START,
  ): Subscription {
    const lagging = (events: readonly StoredEvent[], upTo: Position) =>
      this.lag === undefined ? handler(events, upTo) : this.lag.then(() => handler(events, upTo));
    return this.#store.subscribe(from, lagging, { filter: { streamKinds } });
  }
}
