import type { StoredEvent } from '@drover/contracts';

/**
 * How the things of one kind are folded: what a service keeps of each of their streams in memory.
 *
 * `State` is plain JSON, so that a snapshot can hold it.
 */
export interface Aggregate<State, Event extends StoredEvent> {
  /** The kind of stream, e.g. `vm`. */
  readonly kind: string;
  /** Raised with every change of what `State` looks like or means: snapshots of another version are not read. */
  readonly stateVersion: number;
  readonly initialState: State;
  /** Pure; never throws on a known event. */
  readonly evolve: (state: State, event: Event) => State;
  /**
   * The state once the store's own copy of an event has come that this process appended and folded before. Only that copy
   * has `recordedAt`. Absent where the state does not depend on it.
   */
  readonly confirmed?: (state: State, event: Event) => State;
  /**
   * Whether the thing has come to its end: its state is then let go, and read again from the store for the rare late
   * command or report. Absent where things have no end.
   */
  readonly isOver?: (state: State) => boolean;
}
