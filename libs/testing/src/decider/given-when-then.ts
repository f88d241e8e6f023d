import { deepStrictEqual, fail, strictEqual } from 'node:assert/strict';
import type { Decision } from '@drover/domain-kit';

/** A decider as a spec drives it. */
export interface DeciderUnderTest<State, Command, Fact, Event, Rejection> {
  readonly initialState: State;
  readonly decide: (state: State, command: Command) => Decision<Fact, Rejection>;
  readonly evolve: (state: State, event: Event) => State;
  /** The fact as it stands in the store at this revision; the fact itself where the fold needs no envelope. */
  readonly store: (fact: Fact, revision: number) => Event;
}

export interface Given<Command, Fact> {
  when(command: Command): Outcome<Fact>;
}

export interface Outcome<Fact> {
  /** Accepted with exactly these facts, in this order; none means "already so". */
  then(...facts: readonly Fact[]): void;
  /** Rejected with at least these fields. */
  thenRejected(rejection: Readonly<Record<string, unknown>>): void;
  /** What was decided, as it is. */
  readonly decision: Decision<Fact, unknown>;
}

/**
 * Tests of a decider as sentences: given these facts, when this command, then those facts or that rejection.
 *
 * Every command is decided twice on the same state, because equal inputs must give equal decisions.
 */
export function givenWhenThen<State, Command, Fact, Event, Rejection extends object>(
  subject: DeciderUnderTest<State, Command, Fact, Event, Rejection>,
): (...history: readonly Fact[]) => Given<Command, Fact> {
  return (...history) => ({
    when: (command) => {
      const state = history
        .map((fact, revision) => subject.store(fact, revision))
        .reduce((folded, event) => subject.evolve(folded, event), subject.initialState);
      const decision = subject.decide(state, command);
      deepStrictEqual(subject.decide(state, command), decision, 'equal inputs gave unequal decisions');
      return outcomeOf(decision);
    },
  });
}

function outcomeOf<Fact, Rejection extends object>(decision: Decision<Fact, Rejection>): Outcome<Fact> {
  return {
    decision,
    then: (...facts) => {
      if (decision.kind === 'rejected') fail(`expected facts, was rejected: ${JSON.stringify(decision.rejection)}`);
      deepStrictEqual(decision.events, facts);
    },
    thenRejected: (expected) => {
      if (decision.kind === 'accepted') fail(`expected a rejection, was accepted: ${JSON.stringify(decision.events)}`);
      strictEqual(typeof decision.rejection, 'object');
      const found = decision.rejection as Readonly<Record<string, unknown>>;
      deepStrictEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, found[key]])), expected);
    },
  };
}
