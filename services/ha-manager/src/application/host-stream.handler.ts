import {
  eventIdSchema,
  Fault,
  keyReused,
  newestVersion,
  type Actor,
  type HostFact,
  type HostId,
  type NewEvent,
  type Position,
  type Rejection,
  type StoredHostEvent,
} from '@drover/contracts';
import { derivedId, type Clock, type Decision } from '@drover/domain-kit';
import type { HostState } from '../domain/membership/host.state.js';
import { HostBudget } from './host-budget.js';
import type { HostDirectory } from './host-directory.state.js';
import type { EventLog } from './ports/event-log.port.js';

const MAX_CONFLICTS = 5;

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

/** Load, decide, append: one change of a host after the other, hosts beside each other. */
export class HostStreamHandler {
  readonly #store: EventLog;
  readonly #directory: HostDirectory;
  readonly #clock: Clock;
  readonly #budget: HostBudget;
  readonly #turns = new Map<HostId, Promise<unknown>>();

  constructor(store: EventLog, directory: HostDirectory, clock: Clock) {
    this.#store = store;
    this.#directory = directory;
    this.#clock = clock;
    this.#budget = new HostBudget(clock);
  }

  /** Whether the host's own word may cause an event now. */
  mayCauseEvent(hostId: HostId): boolean {
    return this.#budget.has(hostId, 1);
  }

  /** Throws `Fault` when the store cannot be reached; the change may then be repeated whatever became of it. */
  change(hostId: HostId, change: HostChange): Promise<HostChanged> {
    const before = this.#turns.get(hostId) ?? Promise.resolve();
    const turn = before.then(() => this.#change(hostId, change));
    // The next in turn waits for this one and does not care how it ended; the caller is told by `turn` itself.
    const ended = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#turns.set(hostId, ended);
    void ended.then(() => {
      if (this.#turns.get(hostId) === ended) this.#turns.delete(hostId);
    });
    return turn;
  }

  async #change(hostId: HostId, change: HostChange): Promise<HostChanged> {
    const stream = `host-${hostId}`;
    for (let attempt = 0; attempt < MAX_CONFLICTS; attempt += 1) {
      const { state, revision, position } = this.#directory.get(hostId);
      const decision = change.decide(state);
      if (decision.kind === 'rejected') return { kind: 'rejected', rejection: decision.rejection };
      if (decision.events.length === 0) return { kind: 'changed', revision, position };

      const count = decision.events.length;
      if (change.isHostsWord === true && !this.#budget.has(hostId, count)) throw tooManyChanges(hostId);
      const events = decision.events.map((fact, index) => this.#newEvent(fact, index, revision, change));
      const result = await this.#store.append(stream, revision < 0 ? 'no-stream' : revision, events);
      if (result.kind === 'appended' && !result.wasRepeat) {
        this.#directory.seeAppended(hostId, decision.events, result.revision, result.position);
        if (change.isHostsWord === true) this.#budget.spend(hostId, count);
        return { kind: 'changed', revision: result.revision, position: result.position };
      }
      await this.#catchUp(stream, revision);
      // A cause that comes once has had its effect, whatever came after. One that may come again is decided on anew.
      const hasHadItsEffect = change.causeId(revision) === change.causeId(this.#directory.get(hostId).revision);
      if (result.kind === 'appended' && hasHadItsEffect) {
        if (await this.#wasAskedOtherwise(stream, change, revision)) return { kind: 'rejected', rejection: keyReused };
        return { kind: 'changed', revision: result.revision, position: result.position };
      }
    }
    throw new Fault('SERVICE_UNAVAILABLE', 'not-applied', `others keep writing to ${stream}`);
  }

  /** Whether what the stream holds of this cause follows from another request. */
  async #wasAskedOtherwise(stream: string, change: HostChange, revision: number): Promise<boolean> {
    if (change.requestDigest === undefined) return false;
    const causeId = change.causeId(revision);
    const effect = (await this.#store.read(stream)).find(({ meta }) => meta.causationId === causeId);
    return effect?.meta.requestDigest !== undefined && effect.meta.requestDigest !== change.requestDigest;
  }

  async #catchUp(stream: string, revision: number): Promise<void> {
    for (const event of await this.#store.read(stream, { fromRevision: revision + 1 })) {
      this.#directory.seeEvent(event as StoredHostEvent);
    }
  }

  #newEvent(fact: HostFact, index: number, revision: number, change: HostChange): NewEvent {
    const causeId = change.causeId(revision);
    return {
      ...fact,
      id: eventIdSchema.parse(derivedId(causeId, index)),
      schemaVersion: newestVersion(fact.type),
      meta: {
        at: new Date(this.#clock.epochMs()).toISOString(),
        actor: change.actor,
        causationId: causeId,
        ...(change.traceparent === undefined ? {} : { traceparent: change.traceparent }),
        ...(change.requestDigest === undefined ? {} : { requestDigest: change.requestDigest }),
      },
    };
  }
}

function tooManyChanges(hostId: HostId): Fault {
  return new Fault(
    'SERVICE_UNAVAILABLE',
    'not-applied',
    `host ${hostId} has said too many different things of itself in a short time; one is taken a minute`,
  );
}
