import { newEvents, type Change, type Fact } from '@drover/aggregate';
import { isFailure, type StoredEvent, type VmOrder } from '@drover/contracts';
import { keyOf, type Asked, type Task } from './effect-task.state.js';
import type { AnyEffect, CommonEffect, Delivering, Due } from './effect.js';
import type { MessageTrace } from './host-orders.port.js';
import type { Cause, OpenWork } from './work.js';
import type { OperationsOptions, Outcome, Workings } from './workings.js';

/** What is known of the tasks under way. */
export interface TasksUnderWay<State, Id, SomeFact, Own extends AnyEffect> {
  /** Whether the thing still waits for this; another may have taken its place, or the lease be lost. */
  isCurrent(id: Id, task: Task): boolean;
  /** Whether no first copy of an order may leave now. */
  isHeld(id: Id): boolean;
  due(id: Id, state: State, work: OpenWork | undefined): Due<Own | CommonEffect<SomeFact>>;
}

/** Carries out what can be done for a thing of any kind: orders and looks to hosts, and appends. */
export class CommonEffects<
  State,
  Event extends StoredEvent,
  Id extends string,
  SomeFact extends Fact,
  Own extends AnyEffect,
> {
  readonly #options: OperationsOptions<State, Event, Id>;
  readonly #workings: Workings<State, Id, SomeFact, Own>;
  readonly #tasks: TasksUnderWay<State, Id, SomeFact, Own>;

  constructor(
    options: OperationsOptions<State, Event, Id>,
    workings: Workings<State, Id, SomeFact, Own>,
    tasks: TasksUnderWay<State, Id, SomeFact, Own>,
  ) {
    this.#options = options;
    this.#workings = workings;
    this.#tasks = tasks;
  }

  carryOut(id: Id, task: Task, effect: CommonEffect<SomeFact>, leftMs: number | undefined): Promise<Outcome> {
    switch (effect.kind) {
      case 'record':
        return this.record(id, task, effect.cause, () => effect.facts);
      case 'send':
        return this.#send(id, task, effect, leftMs);
      case 'look':
        return this.#look(id, task, effect);
    }
  }

  async #send(id: Id, task: Task, { hostId, order, cause }: Delivering, leftMs: number | undefined): Promise<Outcome> {
    const before = task.deliveries.get(hostId) ?? 'unsent';
    if (before === 'unsent' && this.#tasks.isHeld(id)) return 'again';
    // The host need not begin what would be overdue by then.
    const ttlMs = Math.max(1, Math.floor(leftMs ?? this.#workings.undoMs));
    task.deliveries.set(hostId, before === 'unsent' ? 'unanswered' : before);
    try {
      const answer = await this.#options.orders.send(hostId, { ...order, ttlMs }, this.trace(id, task, cause));
      if (answer.kind === 'taken') {
        task.deliveries.set(hostId, 'taken');
        return 'done';
      }
      if (answer.kind !== 'superseded' && answer.kind !== 'refused') return 'again';
      if (this.#workings.workOf(this.#stateOf(id))?.since === undefined) return 'done';
      return await this.record(id, task, cause, (state) => this.#workings.settleAnswer(state, cause, answer));
    } catch (error) {
      if (isFailure(error) && error.outcome === 'not-applied') task.deliveries.set(hostId, before);
      throw error;
    }
  }

  /** Never done by itself: its report ends the operation, and one that is lost is asked for again. */
  async #look(id: Id, task: Task, { cause, hostId, order }: Delivering<VmOrder>): Promise<Outcome> {
    const look = { kind: 'look', subject: order.subject, orderId: order.orderId } as const;
    const answer = await this.#options.orders.look(hostId, look, this.trace(id, task, cause));
    const before = task.deliveries.get(hostId);
    task.deliveries.set(hostId, answer.kind === 'taken' || before === 'taken' ? 'taken' : 'unanswered');
    return answer.kind === 'taken' ? 'reported' : 'again';
  }

  asked(id: Id, effect: AnyEffect): Asked {
    const work = this.#workings.workOf(this.#stateOf(id));
    if (work?.since === undefined) return 'owed';
    const hostId = effect.hostId ?? work.hostIds[0];
    const isHeard = hostId !== undefined && this.#options.hearing.isHeard(hostId);
    return work.isUnheard && !isHeard ? 'unheard' : 'heard';
  }

  async record(id: Id, task: Task, cause: Cause, factsOf: (state: State) => readonly SomeFact[]): Promise<Outcome> {
    const { actor, clock, streams } = this.#options;
    const { result } = await streams.change(id, ({ state }): Change<Outcome> => {
      const work = this.#workings.workOf(state);
      const isDue =
        this.#tasks.isCurrent(id, task) &&
        this.#tasks.due(id, state, work).effects.some((effect) => keyOf(effect) === task.key);
      const facts = isDue ? factsOf(state) : [];
      const origin = {
        actor,
        causationId: cause.eventId,
        atMs: clock.epochMs(),
        projectId: work?.projectId,
        operationId: task.operationId,
        traceparent: work?.traceparent,
      };
      return { events: newEvents(facts, origin), result: !isDue || facts.length > 0 ? 'done' : 'again' };
    });
    return result;
  }

  trace(id: Id, task: Task, cause: Cause): MessageTrace {
    return {
      operationId: task.operationId,
      causationId: cause.eventId,
      traceparent: this.#workings.workOf(this.#stateOf(id))?.traceparent,
      signal: task.controller.signal,
    };
  }

  #stateOf(id: Id): State {
    return this.#options.streams.folds.get(id).state;
  }
}

const commonKinds: ReadonlySet<string> = new Set(['record', 'send', 'look'] satisfies CommonEffect<never>['kind'][]);

export function isCommon<Own extends AnyEffect, SomeFact>(
  effect: Own | CommonEffect<SomeFact>,
): effect is CommonEffect<SomeFact> {
  return commonKinds.has(effect.kind);
}
