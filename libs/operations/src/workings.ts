import type { Fact, Streams } from '@drover/aggregate';
import type { Actor, HostId, HostOrderAnswer, StoredEvent, Subject } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import type { AnyEffect, CommonEffect, Due } from './effect.js';
import type { HostHearing } from './host-hearing.state.js';
import type { HostOrders, MessageTrace } from './host-orders.port.js';
import type { Log } from './log.port.js';
import type { Timer } from './timer.port.js';
import type { Cause, OpenWork, Passed } from './work.js';

/** What has become of a try: it needs no repeat, or is to be tried again, or its report is under way. */
export type Outcome = 'done' | 'again' | 'reported';

/** One try of an effect. */
export interface Attempt<Id, State, SomeFact> {
  readonly id: Id;
  readonly trace: MessageTrace;
  /**
   * Appends what follows, unless the thing has moved on or this replica is no longer the active one. `again` where the effect is
   * still due and nothing followed.
   */
  record(factsOf: (state: State) => readonly SomeFact[]): Promise<Outcome>;
}

/** How operations on the things of one kind go on: what is decided is plain code of the kind. */
export interface Workings<State, Id extends string, SomeFact extends Fact, Own extends AnyEffect> {
  subjectOf(id: Id): Subject;
  /** The open operation, or the undo that outlived one. */
  workOf(state: State): OpenWork | undefined;
  /** What follows from the stream and from what has passed. Remembers nothing, so that it is the same after any crash. */
  due(id: Id, state: State, passed: Passed): Due<Own | CommonEffect<SomeFact>>;
  /** The facts that follow from a host's answer to an order; mostly none, because its report tells the end. */
  settleAnswer(state: State, cause: Cause, answer: HostOrderAnswer): readonly SomeFact[];
  /** Carries out the effects that only this kind has. */
  carryOut(effect: Own, attempt: Attempt<Id, State, SomeFact>): Promise<Outcome>;
  /** How long the undo of an operation may take. */
  readonly undoMs: number;
}

export interface OperationsOptions<State, Event extends StoredEvent, Id extends string> {
  readonly streams: Streams<State, Event, Id>;
  /** The things that a host has, had, or has something of. */
  readonly onHost: (hostId: HostId) => ReadonlySet<Id>;
  readonly actor: Actor;
  readonly orders: HostOrders;
  readonly hearing: HostHearing;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly log: Log;
}
