/**
 * What the rules say to a command: events to append, or a rejection for the caller.
 *
 * Accepting with no events means "already so": that is how commands become idempotent.
 */
export type Decision<Event, Rejection> =
  | { readonly kind: 'accepted'; readonly events: readonly Event[] }
  | { readonly kind: 'rejected'; readonly rejection: Rejection };

/**
 * Data and two pure functions. `evolve` never rejects and never throws on a known event: history already happened.
 */
export interface Decider<State, Command, Event, Rejection> {
  readonly initialState: State;
  readonly decide: (state: State, command: Command) => Decision<Event, Rejection>;
  readonly evolve: (state: State, event: Event) => State;
}

export function accept<Event>(...events: readonly Event[]): Decision<Event, never> {
  return { kind: 'accepted', events };
}

export function reject<Rejection>(rejection: Rejection): Decision<never, Rejection> {
  return { kind: 'rejected', rejection };
}

/** Folds a history into the state it leads to. */
export function evolveAll<State, Event>(
  decider: Pick<Decider<State, never, Event, never>, 'initialState' | 'evolve'>,
  events: Iterable<Event>,
): State {
  let state = decider.initialState;
  for (const event of events) state = decider.evolve(state, event);
  return state;
}
