import { newEvents, Streams, type StreamStore } from '@drover/aggregate';
import {
  type Fault,
  keyReused,
  type Actor,
  type EventId,
  type HostFact,
  type HostId,
  type Position,
  type Rejection,
  type StoredHostEvent,
  errors,
} from '@drover/contracts';
import { derivedId, KeyedBudget, type Clock, type Decision } from '@drover/domain-kit';
import type { HostState } from '../domain/membership/host.state.js';
import { hostAggregate, type HostFolds } from './host-directory.state.js';

/**
 * How many events a host's own word may cause: they stand for ever, and every service reads them at every start. Far more than a host
 * needs that is set up, repaired or restarted again and again; one that registers with a new journal each time, or tells two
 * inventories in turn, is slowed down to one event a minute.
 */
const HOSTS_WORD = { burst: 30, perSecond: 1 / 60 };

export interface HostChange {
  readonly decide: (state: HostState) => Decision<HostFact, Rejection>;
  /**
   * What the change follows from; ids of events are derived from it, so that a repeat after an unanswered append is
   * recognised by the store. Given the revision it is decided on, for causes that may come again.
   */
  readonly causeId: (revision: number) => string;
  readonly actor: Actor;
  /** What the host says is the cause, as often as it likes: counted against its budget. */
  readonly isHostsWord?: boolean;
  readonly traceparent?: string | undefined;
  /** Of the command that the change follows from, where one does: a repeat of its id that asks something else is refused. */
  readonly requestDigest?: string;
}

export type HostChanged =
  | { readonly kind: 'changed'; readonly revision: number; readonly position: Position }
  | { readonly kind: 'rejected'; readonly rejection: Rejection };

interface Decided {
  readonly decision: Decision<HostFact, Rejection>;
  readonly causationId: string;
}

/** Changes of hosts: what operators, hosts and this service decide of them. */
export class HostStreamHandler {
  readonly #streams: Streams<HostState, StoredHostEvent, HostId>;
  readonly #clock: Clock;
  readonly #budget: KeyedBudget<HostId>;

  constructor(store: StreamStore, clock: Clock) {
    this.#streams = new Streams(store, hostAggregate);
    this.#clock = clock;
    this.#budget = new KeyedBudget(clock, HOSTS_WORD);
  }

  get folds(): HostFolds {
    return this.#streams.folds;
  }

  get streams(): Pick<Streams<HostState, StoredHostEvent, HostId>, 'hasMissed' | 'loadMissed'> {
    return this.#streams;
  }

  /** Whether the host's own word may cause an event now. */
  mayCauseEvent(hostId: HostId): boolean {
    return this.#budget.has(hostId);
  }

  /** Throws `Fault` when the store cannot be reached; the change may then be repeated whatever became of it. */
  async change(hostId: HostId, change: HostChange): Promise<HostChanged> {
    const { decide, actor, isHostsWord = false, traceparent, requestDigest } = change;
    const changed = await this.#streams.change<Decided>(hostId, ({ state, revision }) => {
      const decision = decide(state);
      const causationId = change.causeId(revision);
      if (decision.kind === 'rejected') return { events: [], result: { decision, causationId } };
      if (isHostsWord && decision.events.length > 0 && !this.#budget.has(hostId)) throw tooManyChanges(hostId);
      const origin = { actor, causationId, atMs: this.#clock.epochMs(), traceparent, requestDigest };
      // By place and not by type: another command under the id of one that was done is then no news to the store.
      const idOf = (_: HostFact, index: number) => derivedId(causationId, index) as EventId;
      return { events: newEvents(decision.events, origin, idOf), result: { decision, causationId } };
    });
    const { decision, causationId } = changed.result;
    if (decision.kind === 'rejected') return decision;
    if (changed.wasRepeat && requestDigest !== undefined) {
      const effect = await this.#streams.effectOf(hostId, causationId);
      if (effect?.meta.requestDigest !== requestDigest) return { kind: 'rejected', rejection: keyReused };
    } else if (isHostsWord) this.#budget.spend(hostId, decision.events.length);
    return { kind: 'changed', revision: changed.revision, position: changed.position };
  }
}

function tooManyChanges(hostId: HostId): Fault {
  return errors.SERVICE_UNAVAILABLE(
    'not-applied',
    `host ${hostId} reported too many changes in a short time; one change a minute is accepted`,
  );
}
