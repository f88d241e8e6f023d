import { type Fault, errors, isKnownEvent, type NewEvent, type StoredEvent } from '@drover/contracts';
import { KeyedQueue } from '@drover/domain-kit';
import type { EventStore } from '@drover/event-store';
import type { Aggregate } from './aggregate.js';
import { Folds, type Folded } from './folds.state.js';
import { storedAs } from './new-events.js';

/** How often a decision is taken again because another process wrote first. */
const MAX_CONFLICTS = 10;

/** What this machine needs of the event store. */
export type StreamStore = Pick<EventStore, 'append' | 'read'>;

export interface Change<Result> {
  /** To append; none means that it is already so, or that the answer is no. */
  readonly events: readonly NewEvent[];
  readonly result: Result;
}

export interface Changed<State, Result> extends Folded<State> {
  readonly result: Result;
  /** The events had been stored before: what the same cause led to then may have been decided otherwise. */
  readonly wasRepeat: boolean;
}

/** Pure but for its own caller, and called again where the state turns out to be another. */
export type Decide<State, Result> = (folded: Folded<State>) => Change<Result>;

/**
 * Load, decide, append, for the streams of one kind.
 *
 * Changes of one stream wait for each other; those of different streams do not. A decision is made on the newest state that
 * this process knows, and again where the store says that it was not the newest. What was appended counts at once.
 */
export class Streams<State, Event extends StoredEvent, Id extends string> {
  readonly folds: Folds<State, Event, Id>;
  readonly #store: StreamStore;
  readonly #queue = new KeyedQueue<Id>();
  /** Streams that may hold more than was folded, because an append was not answered or met a conflict. */
  readonly #stale = new Set<Id>();

  constructor(store: StreamStore, aggregate: Aggregate<State, Event>) {
    this.#store = store;
    this.folds = new Folds(aggregate);
  }

  /**
   * Decides and appends. A stream that is not in memory is read first.
   *
   * Throws the store's `Fault`. Its outcome `unknown` leaves open whether the events stand: the stream is read before the next
   * decision, and the same cause then gives the same event ids, which the store recognises.
   */
  change<Result>(id: Id, decide: Decide<State, Result>): Promise<Changed<State, Result>> {
    return this.#queue.run(id, () => {
      if (!this.folds.has(id)) this.#stale.add(id);
      return this.#change(id, decide);
    });
  }

  /** As `change`, for a thing that most probably does not exist yet: it is read only where the store says that it does. */
  create<Result>(id: Id, decide: Decide<State, Result>): Promise<Changed<State, Result>> {
    return this.#queue.run(id, () => this.#change(id, decide));
  }

  /** Reads what the stream holds beyond the fold, when the changes before have ended. */
  refresh(id: Id): Promise<Folded<State>> {
    return this.#queue.run(id, () => this.#refresh(id));
  }

  async #refresh(id: Id): Promise<Folded<State>> {
    const known = this.folds.get(id);
    const events = await this.#store.read(this.folds.streamOf(id), { fromRevision: known.revision + 1 });
    const after = events.reduce<Folded<State>>((folded, event) => {
      if (!isKnownEvent(event)) throw unknownEvent(event);
      return this.folds.next(folded, event as Event);
    }, known);
    this.folds.takeAhead(id, after, known);
    this.#stale.delete(id);
    const folded = this.folds.get(id);
    // The feed may have come further meanwhile; a thing that is over may have been dropped from memory.
    return folded.revision > after.revision ? folded : after;
  }

  /** As it is in memory; read from the store where it is not. */
  load(id: Id): Promise<Folded<State>> {
    if (this.folds.has(id)) return Promise.resolve(this.folds.get(id));
    return this.#queue.run(id, async () => {
      const folded = await this.#refresh(id);
      this.folds.letGo(id);
      return folded;
    });
  }

  /** Whether `loadMissed` has something to read. */
  get hasMissed(): boolean {
    return !this.folds.missed().next().done;
  }

  /**
   * Reads what was written by another process to things that were over, until nothing is left of it. To be called before this
   * process decides for the first time, and before a snapshot is saved.
   */
  async loadMissed(): Promise<void> {
    while (this.hasMissed) for (const id of [...this.folds.missed()]) await this.load(id);
  }

  /** The first event of the stream that follows from this cause. Reads all of it. */
  async effectOf(id: Id, causationId: string): Promise<StoredEvent | undefined> {
    const events = await this.#store.read(this.folds.streamOf(id));
    return events.find(({ meta }) => meta.causationId === causationId);
  }

  async #change<Result>(id: Id, decide: Decide<State, Result>): Promise<Changed<State, Result>> {
    for (let attempt = 0; attempt < MAX_CONFLICTS; attempt += 1) {
      const folded = this.#stale.has(id) ? await this.#refresh(id) : this.folds.get(id);
      const { events, result } = decide(folded);
      const after = events.length === 0 ? { ...folded, wasRepeat: false } : await this.#append(id, folded, events);
      if (after === undefined) continue;
      this.folds.letGo(id);
      return { ...after, result };
    }
    throw errors.SERVICE_UNAVAILABLE('not-applied', `others keep writing ${this.folds.streamOf(id)}`);
  }

  /** The stream with the events in it; undefined where it was not as it was taken to be. */
  async #append(
    id: Id,
    folded: Folded<State>,
    events: readonly NewEvent[],
  ): Promise<(Folded<State> & { readonly wasRepeat: boolean }) | undefined> {
    const stream = this.folds.streamOf(id);
    // Until it is answered this process does not know what the stream holds.
    this.#stale.add(id);
    const result = await this.#store.append(stream, folded.revision < 0 ? 'no-stream' : folded.revision, events);
    if (result.kind === 'conflict') return undefined;
    if (result.wasRepeat) return { ...(await this.#refresh(id)), wasRepeat: true };
    this.#stale.delete(id);
    const after = storedAs(events, stream, result).reduce<Folded<State>>(
      (before, event) => this.folds.next(before, event as Event),
      folded,
    );
    this.folds.takeAhead(id, after, folded);
    return { ...after, wasRepeat: false };
  }
}

/** A newer release wrote this stream: that release must decide on it, not this one (safety.md 23). */
function unknownEvent(event: StoredEvent): Fault {
  const what = `${event.type}.v${event.schemaVersion} in ${event.stream}`;
  return errors.SERVICE_UNAVAILABLE('not-applied', `this release does not know ${what}`);
}
