import type { Fact } from '@drover/aggregate';
import { isFailure, type HostId, type OperationId, type StoredEvent } from '@drover/contracts';
import { inSpan } from '@drover/observability';
import { CommonEffects, isCommon } from './common-effects.js';
import { DueTimes } from './due-times.state.js';
import { endWaiting, keyOf, newTask, retryDelayMs, type Task } from './effect-task.state.js';
import type { AnyEffect, CommonEffect, Due } from './effect.js';
import type { Delivery, OpenWork } from './work.js';
import { WorkTimes } from './work-times.state.js';
import type { OperationsOptions, Outcome, Workings } from './workings.js';

/** What one turn of the event loop may do at most, where much is to be done at once: some milliseconds of work. */
const THINGS_PER_TURN = 16;

/**
 * Carries the open operations on all things of one kind to their end, while this replica is the active one.
 *
 * What is due follows from each fold; this class only carries it out: each effect by itself, keyed by the event that caused it,
 * repeated with backoff until it is answered or no longer due.
 */
export class Operations<
  State,
  Event extends StoredEvent,
  Id extends string,
  SomeFact extends Fact,
  Own extends AnyEffect,
> {
  readonly #options: OperationsOptions<State, Event, Id>;
  readonly #workings: Workings<State, Id, SomeFact, Own>;
  readonly #common: CommonEffects<State, Event, Id, SomeFact, Own>;
  readonly #open: ReadonlySet<Id>;
  #tasks = new Map<Id, readonly Task[]>();
  readonly #dueTimes: DueTimes<Id>;
  readonly #times: WorkTimes<Id>;
  /** Open operations that this replica saw begin while it was the active one. */
  readonly #begunHere = new Map<Id, OperationId>();
  /** Things whose orders are not sent for the first time just now, and for how many who wait for that. */
  readonly #held = new Map<Id, number>();
  /** Whether the lease is still held; absent while this replica is a standby. */
  #holds: (() => boolean) | undefined;

  constructor(options: OperationsOptions<State, Event, Id>, workings: Workings<State, Id, SomeFact, Own>) {
    const { clock, hearing, streams, timer } = options;
    this.#options = options;
    this.#workings = workings;
    this.#common = new CommonEffects(options, workings, {
      isCurrent: (id, task) => this.#isCurrent(id, task),
      isHeld: (id) => this.#held.has(id),
      due: (id, state, work) => this.#due(id, state, work),
    });
    this.#open = streams.folds.idsWhere((state) => workings.workOf(state) !== undefined);
    this.#dueTimes = new DueTimes(clock, timer, THINGS_PER_TURN, (id) => this.wake(id));
    this.#times = new WorkTimes(clock, hearing);
    hearing.onHeard((hostId) => this.#hostHeard(hostId));
    streams.folds.onChange((id, after, before) => this.#changed(id, before.state, after.state));
  }

  #changed(id: Id, before: State, after: State): void {
    if (before === after) {
      // What stands before it in the store may have been read meanwhile.
      this.wake(id);
      return;
    }
    const [was, is] = [this.#workings.workOf(before), this.#workings.workOf(after)];
    if (was === undefined && is === undefined) return;
    this.#times.changed(id, was, is);
    if (this.#holds === undefined) return;
    if (is?.since === undefined) this.#begunHere.delete(id);
    else if (is.operationId !== was?.operationId || was.since === undefined) this.#begunHere.set(id, is.operationId);
    this.wake(id);
  }

  /**
   * Takes up every open operation, oldest first. How far another process had come with them is not known.
   *
   * @param storeNowMs the store's time, now that everything is folded that it held.
   */
  activate(holds: () => boolean, storeNowMs: number): void {
    this.#holds = holds;
    this.#times.begin(storeNowMs);
    this.#fewPerTurn(this.#openWhile(holds), (id) => this.wake(id));
  }

  /** Stops at once: what is under way appends nothing more. Idempotent. */
  deactivate(): void {
    this.#holds = undefined;
    const tasks = this.#tasks;
    this.#tasks = new Map();
    this.#begunHere.clear();
    this.#dueTimes.clear();
    // Their answers change nothing any more, so it does not matter when the waiting for them ends.
    this.#fewPerTurn(tasks.values(), (some) => some.forEach(endWaiting));
  }

  /** The things to take up, until this term has ended. */
  *#openWhile(holds: () => boolean): Generator<Id, undefined> {
    for (const id of this.#open) {
      if (this.#holds !== holds) return;
      yield id;
    }
  }

  #fewPerTurn<Item>(items: Iterator<Item, undefined>, action: (item: Item) => void): void {
    for (let count = 0; count < THINGS_PER_TURN; count += 1) {
      const next = items.next();
      if (next.done === true) return;
      action(next.value);
    }
    this.#options.timer.after(0, () => this.#fewPerTurn(items, action));
  }

  /** Things with an operation, or with an undo that outlived one. */
  get open(): ReadonlySet<Id> {
    return this.#open;
  }

  /** How far the orders of the open operation have come, as far as this process knows. */
  deliveryOf(id: Id, operationId: OperationId): Delivery {
    const tasks = this.#tasksOf(id).filter((task) => task.operationId === operationId);
    const deliveries = tasks.flatMap((task) => [...task.deliveries.values()]);
    if (deliveries.includes('taken')) return 'taken';
    if (deliveries.includes('unanswered')) return 'unanswered';
    // The replica before may have sent what its hosts were chosen for.
    const isGiven = (this.#workings.workOf(this.#stateOf(id))?.hostIds.length ?? 0) > 0;
    return isGiven && this.#begunHere.get(id) !== operationId ? 'unanswered' : 'unsent';
  }

  /** While this runs, no first copy of an order leaves for the hosts of the thing: what was not sent stays so. */
  async holding<T>(id: Id, body: () => Promise<T>): Promise<T> {
    this.#held.set(id, (this.#held.get(id) ?? 0) + 1);
    try {
      return await body();
    } finally {
      const others = (this.#held.get(id) ?? 1) - 1;
      if (others === 0) this.#held.delete(id);
      else this.#held.set(id, others);
    }
  }

  #hostHeard(hostId: HostId): void {
    if (this.#holds === undefined) return;
    const nowMs = this.#options.clock.monotonicMs();
    for (const id of this.#waitingFor(hostId)) {
      for (const task of this.#tasksOf(id)) {
        if (!task.isRunning && task.retryAtMs !== undefined) task.retryAtMs = Math.min(task.retryAtMs, nowMs);
      }
      this.#dueTimes.set(id, nowMs);
    }
  }

  /** The host takes orders again, perhaps with a new journal: what it owes an end is sent once more. */
  hostOpened(hostId: HostId): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const id of this.#waitingFor(hostId)) {
      for (const task of this.#tasksOf(id)) {
        if (task.hostId !== undefined && task.hostId !== hostId) continue;
        task.failures = 0;
        if (task.isRunning) task.isWanted = true;
        else task.retryAtMs = nowMs;
      }
      this.#dueTimes.set(id, nowMs);
    }
  }

  *#waitingFor(hostId: HostId): Generator<Id> {
    for (const id of this.#options.onHost(hostId)) {
      if (!this.#tasks.has(id)) continue;
      if (this.#workings.workOf(this.#stateOf(id))?.hostIds.includes(hostId) === true) yield id;
    }
  }

  /** Looks at one thing; being woken is a hint. */
  wake(id: Id): void {
    if (this.#holds === undefined) return;
    const { clock } = this.#options;
    const state = this.#stateOf(id);
    const work = this.#workings.workOf(state);
    const { effects, leftMs } = this.#due(id, state, work);
    const known = this.#tasksOf(id);
    const keys = new Set(effects.map(keyOf));
    for (const task of known) if (!keys.has(task.key)) endWaiting(task);
    if (work === undefined || effects.length === 0) {
      this.#tasks.delete(id);
      this.#schedule(id, leftMs, []);
      return;
    }
    const nowMs = clock.monotonicMs();
    const tasks: Task[] = [];
    for (const effect of effects) {
      const key = keyOf(effect);
      tasks.push(known.find((task) => task.key === key) ?? newTask(effect, work, nowMs, [...known, ...tasks]));
    }
    this.#tasks.set(id, tasks);
    for (const [index, task] of tasks.entries()) {
      const effect = effects[index];
      if (effect === undefined || task.isRunning || task.retryAtMs === undefined || task.retryAtMs > nowMs) continue;
      const span = { traceparent: work.traceparent, fields: { operationId: work.operationId, ...this.#fieldsOf(id) } };
      // Whatever woke this thing, its log lines belong to its own operation.
      void inSpan(`attempt to ${effect.kind}`, span, () => this.#attempt(id, task, effect, leftMs));
    }
    this.#schedule(id, leftMs, tasks);
  }

  #due(id: Id, state: State, work: OpenWork | undefined): Due<Own | CommonEffect<SomeFact>> {
    if (work === undefined) return { effects: [] };
    const isSeen = work.since !== undefined && this.#begunHere.get(id) === work.operationId;
    return this.#workings.due(id, state, this.#times.passed(id, work, isSeen));
  }

  #schedule(id: Id, leftMs: number | undefined, tasks: readonly Task[]): void {
    const nowMs = this.#options.clock.monotonicMs();
    let atMs = leftMs === undefined ? Infinity : nowMs + Math.max(0, leftMs);
    for (const { isRunning, retryAtMs = Infinity } of tasks) if (!isRunning) atMs = Math.min(atMs, retryAtMs);
    if (atMs === Infinity) this.#dueTimes.delete(id);
    else this.#dueTimes.set(id, Math.ceil(atMs));
  }

  async #attempt(id: Id, task: Task, effect: Own | CommonEffect<SomeFact>, leftMs: number | undefined): Promise<void> {
    task.isRunning = true;
    task.retryAtMs = undefined;
    let outcome: Outcome = 'again';
    try {
      outcome = await this.#carryOut(id, task, effect, leftMs);
    } catch (error) {
      this.#say(id, task, effect, error);
    }
    task.isRunning = false;
    if (!this.#isCurrent(id, task)) return;
    const nowMs = this.#options.clock.monotonicMs();
    if (outcome !== 'done') {
      const asked = outcome === 'reported' ? 'look-taken' : this.#common.asked(id, effect);
      task.retryAtMs = nowMs + retryDelayMs(task.failures, asked);
      task.failures += 1;
    } else if (task.isWanted) {
      task.retryAtMs = nowMs;
    }
    task.isWanted = false;
    this.wake(id);
  }

  async #carryOut(
    id: Id,
    task: Task,
    effect: Own | CommonEffect<SomeFact>,
    leftMs: number | undefined,
  ): Promise<Outcome> {
    if (this.#holds?.() !== true) return 'again';
    if (isCommon<Own, SomeFact>(effect)) return this.#common.carryOut(id, task, effect, leftMs);
    return this.#workings.carryOut(effect, {
      id,
      trace: this.#common.trace(id, task, effect.cause),
      record: (factsOf) => this.#common.record(id, task, effect.cause, factsOf),
    });
  }

  /** Whether the thing still waits for this; another may have taken its place, or the lease be lost. */
  #isCurrent(id: Id, task: Task): boolean {
    return this.#tasksOf(id).includes(task);
  }

  #tasksOf(id: Id): readonly Task[] {
    return this.#tasks.get(id) ?? [];
  }

  #stateOf(id: Id): State {
    return this.#options.streams.folds.get(id).state;
  }

  #fieldsOf(id: Id): Readonly<Record<string, string>> {
    const subject = this.#workings.subjectOf(id);
    return { [`${subject.kind}Id`]: subject.id };
  }

  #say(id: Id, task: Task, effect: AnyEffect, error: unknown): void {
    if (!this.#isCurrent(id, task)) return;
    const { operationId, failures } = task;
    const fields = { ...this.#fieldsOf(id), operationId, effect: effect.kind, failures: failures + 1, error };
    // The first failures are everyday: a host that restarts, a scheduler that is quiet.
    if (!isFailure(error)) this.#options.log.error('an effect failed by a defect and is tried again', fields);
    // And then one line in ten is enough.
    else if (failures % 10 === 3) this.#options.log.warn('an effect fails again and again', fields);
  }
}
