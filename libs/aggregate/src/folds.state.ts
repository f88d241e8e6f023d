import { comparePositions, streamSubjectId, START, type Position, type StoredEvent } from '@drover/contracts';
import type { Aggregate } from './aggregate.js';
import { IdSet, KeyIndex, type Index, type KeysOf } from './id-index.js';

/** A stream as far as it has been read or written. */
export interface Folded<State> {
  readonly state: State;
  /** Of the last event, -1 before the first. */
  readonly revision: number;
  /** Of the last event. */
  readonly position: Position;
  /** Of the first event. */
  readonly firstPosition: Position;
}

/** The state is the same in both where the feed has only come up to what was folded ahead of it. */
export type ChangeListener<State, Id> = (id: Id, after: Folded<State>, before: Folded<State>) => void;

/**
 * The fold of every stream of one kind in memory. It follows the store's feed, and takes the appends of its own process
 * before the feed brings them; an event counts once, by its revision, whichever way it comes first.
 */
export class Folds<State, Event extends StoredEvent, Id extends string> {
  readonly aggregate: Aggregate<State, Event>;
  readonly #unknown: Folded<State>;
  readonly #entries = new Map<Id, Folded<State>>();
  readonly #indexes: Index<State, Id>[] = [];
  readonly #listeners: ChangeListener<State, Id>[] = [];
  /** Streams that were not in memory when more came for them, with the newest revision that came. */
  readonly #missed = new Map<Id, number>();
  /** Streams that changed since they were last taken for a snapshot. */
  #unsaved = new Set<Id>();
  #feedPosition: Position = START;

  constructor(aggregate: Aggregate<State, Event>) {
    this.aggregate = aggregate;
    this.#unknown = { state: aggregate.initialState, revision: -1, position: START, firstPosition: START };
  }

  /** As far as it is known here; of a stream that is not in memory, the state before its first event. */
  get(id: Id): Folded<State> {
    return this.#entries.get(id) ?? this.#unknown;
  }

  /** Whether the stream is in memory. One that is not may be unknown, or over. */
  has(id: Id): boolean {
    return this.#entries.has(id);
  }

  get size(): number {
    return this.#entries.size;
  }

  ids(): IterableIterator<Id> {
    return this.#entries.keys();
  }

  streamOf(id: Id): string {
    return `${this.aggregate.kind}-${id}`;
  }

  /** Called in the order of registration, after the indexes have been brought up to date. */
  onChange(listener: ChangeListener<State, Id>): void {
    this.#listeners.push(listener);
  }

  /** Finds ids by keys of their state, kept level with the folds. `keysOf` is asked at each change and must be cheap. */
  indexBy<Key>(keysOf: KeysOf<State, Key>): (key: Key) => ReadonlySet<Id> {
    const index = new KeyIndex<State, Id, Key>(keysOf);
    this.#addIndex(index);
    return (key) => index.get(key);
  }

  /** The ids whose state meets a condition: one set, kept level with the folds. */
  idsWhere(holds: (state: State) => boolean): ReadonlySet<Id> {
    const index = new IdSet<State, Id>(holds);
    this.#addIndex(index);
    return index.ids;
  }

  #addIndex(index: Index<State, Id>): void {
    this.#indexes.push(index);
    for (const [id, { state }] of this.#entries) index.put(id, undefined, state);
  }

  /** Whether this process has folded the stream's beginning before the feed has come as far. */
  isAheadOfFeed(id: Id): boolean {
    return comparePositions(this.get(id).firstPosition, this.#feedPosition) > 0;
  }

  /** Up to where the feed has brought everything. */
  get feedPosition(): Position {
    return this.#feedPosition;
  }

  /**
   * Takes an event from the store's feed, in the order of the whole store. Throws where an event of a stream is missing. What
   * comes for a thing that was over and is not in memory makes its stream one of the `missed`.
   */
  follow(event: Event): void {
    this.followedTo(event.position);
    const id = streamSubjectId(event.stream) as Id;
    const before = this.#entries.get(id);
    if (before === undefined && event.revision > 0 && this.aggregate.isOver !== undefined) {
      this.#missed.set(id, event.revision);
      return;
    }
    if (before !== undefined && event.revision <= before.revision) this.#confirm(id, before, event);
    else this.#put(id, this.next(before ?? this.#unknown, event), before ?? this.#unknown);
    this.letGo(id);
  }

  /** The feed has brought everything up to this position, whether or not an event of this kind stands there. */
  followedTo(position: Position): void {
    if (comparePositions(position, this.#feedPosition) > 0) this.#feedPosition = position;
  }

  /** The stream after one more event. Throws where one between is missing. */
  next(before: Folded<State>, event: Event): Folded<State> {
    if (event.revision !== before.revision + 1) {
      throw new Error(`revision ${event.revision} of ${event.stream} came after ${before.revision}`);
    }
    const { revision, position } = event;
    const firstPosition = revision === 0 ? position : before.firstPosition;
    return { state: this.aggregate.evolve(before.state, event), revision, position, firstPosition };
  }

  /**
   * Takes what a stream was read or written to be, where the feed has yet to bring it.
   *
   * @param from what it was read or written behind. Where that was in memory and is not any more, the thing has come to its end.
   */
  takeAhead(id: Id, after: Folded<State>, from: Folded<State>): void {
    if (from.revision >= 0 && !this.has(id)) return;
    const before = this.get(id);
    // It was read before the feed brought what was missed; another reading will have that.
    if (after.revision <= before.revision || after.revision < (this.#missed.get(id) ?? -1)) return;
    this.#missed.delete(id);
    this.#put(id, after, before);
  }

  /** Lets the state go where the thing is over and the feed has brought all of it. */
  letGo(id: Id): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || this.aggregate.isOver?.(entry.state) !== true) return;
    if (comparePositions(entry.position, this.#feedPosition) > 0) return;
    for (const index of this.#indexes) index.put(id, entry.state, undefined);
    this.#entries.delete(id);
    this.#unsaved.add(id);
  }

  /** Puts a stream back as a snapshot holds it. Only before the feed begins. */
  restore(id: Id, folded: Folded<State>): void {
    this.#put(id, folded, this.get(id));
    this.#unsaved.delete(id);
  }

  /** Streams that have to be read again, because more came for them after they had been dropped from memory. */
  missed(): IterableIterator<Id> {
    return this.#missed.keys();
  }

  /** The streams that changed since the last call; those that are not in memory any more are over. */
  takeUnsaved(): ReadonlySet<Id> {
    const unsaved = this.#unsaved;
    this.#unsaved = new Set();
    return unsaved;
  }

  /** Gives back what could not be saved. */
  giveBackUnsaved(ids: Iterable<Id>): void {
    for (const id of ids) this.#unsaved.add(id);
  }

  /** The feed brings what was folded ahead of it. */
  #confirm(id: Id, before: Folded<State>, event: Event): void {
    const state = this.aggregate.confirmed?.(before.state, event) ?? before.state;
    // The writer of several events at once knows the position of the last one only.
    if (event.revision === 0) this.#put(id, { ...before, state, firstPosition: event.position }, before);
    else if (state !== before.state) this.#put(id, { ...before, state }, before);
  }

  #put(id: Id, after: Folded<State>, before: Folded<State>): void {
    this.#entries.set(id, after);
    this.#unsaved.add(id);
    for (const index of this.#indexes) index.put(id, before.revision < 0 ? undefined : before.state, after.state);
    this.#tell(id, after, before);
  }

  #tell(id: Id, after: Folded<State>, before: Folded<State>): void {
    for (const listener of this.#listeners) listener(id, after, before);
  }
}
