import type { HostFact, HostId, StoredHostEvent } from '@drover/contracts';
import type { Aggregate } from '../aggregate.js';
import type { Change, Decide } from '../streams.js';
import { newEvents } from '../new-events.js';

/** A small aggregate for specs: hosts by what was done to them, over once they returned. */
export interface Cordons {
  /** Ids of the events, in order. */
  readonly seen: readonly string[];
  /** `recordedAt` of the newest event, as the store or else the writer says it. */
  readonly at: string;
  readonly isCordoned: boolean;
  readonly isOver: boolean;
}

export const cordons: Aggregate<Cordons, StoredHostEvent> = {
  kind: 'host',
  stateVersion: 1,
  initialState: { seen: [], at: '', isCordoned: false, isOver: false },
  evolve: (state, event) => ({
    seen: [...state.seen, event.id],
    at: event.recordedAt,
    isCordoned: event.type === 'HostCordoned' || (state.isCordoned && event.type !== 'HostUncordoned'),
    isOver: event.type === 'HostReturned' || (state.isOver && event.type !== 'HostSuspected'),
  }),
  confirmed: (state, event) => (state.seen.at(-1) === event.id ? { ...state, at: event.recordedAt } : state),
  isOver: (state) => state.isOver,
};

export const hostOf = (number: number): HostId =>
  `0199c4e2-0000-7000-8000-${String(number).padStart(12, '0')}` as HostId;

/** Facts of the types given, about one host. */
export function factsOf(hostId: HostId, ...types: readonly HostFact['type'][]): readonly HostFact[] {
  return types.map((type) => {
    if (type === 'HostCordoned') return { type, data: { hostId, by: 'user' } };
    if (type === 'HostSuspected') return { type, data: { hostId, missedHeartbeats: 3 } };
    return { type, data: { hostId } } as HostFact;
  });
}

/** A decision that appends these, whatever the state. */
export function appending(causationId: string, facts: readonly HostFact[]): Decide<Cordons, string> {
  const events = newEvents(facts, { actor: { kind: 'service', id: 'spec' }, causationId, atMs: 1_000 });
  return (): Change<string> => ({ events, result: causationId });
}
