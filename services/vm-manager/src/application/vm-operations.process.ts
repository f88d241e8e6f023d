import type { ErrorCode, HostId, OperationId, VmFact, VmId } from '@drover/contracts';
import { isFailure, vmSubject } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { inSpan } from '@drover/observability';
import { settlePlacement } from '../domain/process/placement.process.js';
import { due, settleAnswer, type Due, type Effect } from '../domain/process/vm.process.js';
import type { Timeouts } from '../domain/vm/timeouts.policy.js';
import type { Delivery } from '../domain/vm/vm-command.policy.js';
import type { Cause, VmState } from '../domain/vm/vm.state.js';
import { DueTimes } from './due-times.state.js';
import { endWaiting, keyOf, newTask, retryDelayMs, type Asked, type Task } from './effect-task.state.js';
import type { HostOrders } from './ports/host-orders.port.js';
import type { Log } from './ports/log.port.js';
import type { MessageTrace, Scheduler } from './ports/scheduler.port.js';
import type { Timer } from './ports/timer.port.js';
import { OperationTimes } from './operation-times.state.js';
import { eventsOf, vmManager } from './vm-events.policy.js';
import type { VmFolds } from './vm-folds.state.js';
import type { VmNames } from './vm-names.state.js';

/** How long the scheduler holds a reservation. */
export const RESERVATION_MS = 10_000;
/**
 * A placement is appended only within this time from before it was asked for (safety.md 19). The rest is for the append: a store
 * that cannot be reached is tried for up to 5 s.
 */
export const PLACEMENT_MS = 4_500;
/** What one turn of the event loop may do at most, where much is to be done at once: some milliseconds of work. */
const VMS_PER_TURN = 16;

export interface VmOperationsOptions {
  readonly folds: VmFolds;
  readonly names: Pick<VmNames, 'earlierHolder'>;
  readonly scheduler: Scheduler;
  readonly hosts: HostOrders;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly timeouts: Timeouts;
  /** Absent until the fleet's first event has been read. */
  readonly storeEpoch: () => number | undefined;
  readonly log: Log;
}

/**
 * Carries the open operations of all VMs to their end, while this replica is the active one.
 *
 * What is due follows from each VM's fold; here are only the hands: one effect per VM at a time, keyed by the event that
 * caused it, repeated with backoff until it is answered or no longer due.
 */
export class VmOperations {
  readonly #options: VmOperationsOptions;
  #tasks = new Map<VmId, Task>();
  readonly #dueTimes: DueTimes<VmId>;
  readonly #times: OperationTimes;
  /** Open operations that this replica saw begin while it was the active one. */
  readonly #begunHere = new Map<VmId, OperationId>();
  /** VMs whose order is not sent for the first time just now, and for how many who wait for that. */
  readonly #held = new Map<VmId, number>();
  /** Whether the lease is still held; absent while this replica is a standby. */
  #holds: (() => boolean) | undefined;

  constructor(options: VmOperationsOptions) {
    this.#options = options;
    this.#dueTimes = new DueTimes(options.clock, options.timer, VMS_PER_TURN, (vmId) => this.wake(vmId));
    this.#times = new OperationTimes(options.clock, (hostId) => this.#wakeVmsOf(hostId));
    options.folds.onChange((vmId, before, after) => {
      if (after.operation !== before.operation) this.#times.changed(vmId, before, after);
      const isSame = after !== before && after.operation === before.operation && after.owedUndo === before.owedUndo;
      if (this.#holds === undefined || isSame) return;
      const { operation } = after;
      if (operation === undefined) this.#begunHere.delete(vmId);
      else if (operation.operationId !== before.operation?.operationId) {
        this.#begunHere.set(vmId, operation.operationId);
      }
      this.wake(vmId);
    });
  }

  /**
   * Takes up every open operation, oldest first. How far another process had come with them is not known.
   *
   * @param storeNowMs the store's time, now that everything is folded that it held.
   */
  activate(holds: () => boolean, storeNowMs: number): void {
    this.#holds = holds;
    this.#times.begin(storeNowMs);
    this.#fewPerTurn(this.#openWhile(holds), (vmId) => this.wake(vmId));
  }

  /** Stops at once: what is under way appends nothing more. Idempotent. */
  deactivate(): void {
    this.#holds = undefined;
    const tasks = this.#tasks;
    this.#tasks = new Map();
    this.#begunHere.clear();
    this.#dueTimes.clear();
    // Their answers change nothing any more, so it does not matter when the waiting for them ends.
    this.#fewPerTurn(tasks.values(), endWaiting);
  }

  /** The VMs to take up, until this term has ended. */
  *#openWhile(holds: () => boolean): Generator<VmId, undefined> {
    const { openVms, owingVms } = this.#options.folds;
    for (const vms of [openVms, owingVms]) {
      for (const vmId of vms) {
        if (this.#holds !== holds) return;
        yield vmId;
      }
    }
  }

  #fewPerTurn<Item>(items: Iterator<Item, undefined>, action: (item: Item) => void): void {
    for (let count = 0; count < VMS_PER_TURN; count += 1) {
      const next = items.next();
      if (next.done === true) return;
      action(next.value);
    }
    this.#options.timer.after(0, () => this.#fewPerTurn(items, action));
  }

  /** How far the order of the VM's open operation has come, as far as this process knows. */
  deliveryOf(vmId: VmId, operationId: OperationId): Delivery {
    const task = this.#tasks.get(vmId);
    const known = task?.operationId === operationId ? task.delivery : 'unsent';
    // The replica before may have sent what it had placed.
    const mayHaveBeenSent =
      this.#begunHere.get(vmId) !== operationId && this.#options.folds.get(vmId).hostId !== undefined;
    return known === 'unsent' && mayHaveBeenSent ? 'unanswered' : known;
  }

  /** Whether the host can be heard, so that what it reported is so. */
  isHeard(hostId: HostId | undefined): boolean {
    return hostId !== undefined && this.#times.hosts.isHeard(hostId);
  }

  /** Everything is settled that the host has sent up to now. */
  hostHeard(hostId: HostId): void {
    if (this.#holds !== undefined) this.#times.hosts.heard(hostId);
  }

  /** It is suspected. */
  hostSilent(hostId: HostId): void {
    this.#times.hosts.silent(hostId);
  }

  /** While this runs, no first copy of an order leaves for the VM's host: what was not sent stays so. */
  async holding<T>(vmId: VmId, body: () => Promise<T>): Promise<T> {
    this.#held.set(vmId, (this.#held.get(vmId) ?? 0) + 1);
    try {
      return await body();
    } finally {
      const others = (this.#held.get(vmId) ?? 1) - 1;
      if (others === 0) this.#held.delete(vmId);
      else this.#held.set(vmId, others);
    }
  }

  #wakeVmsOf(hostId: HostId): void {
    if (this.#holds === undefined) return;
    const nowMs = this.#options.clock.monotonicMs();
    for (const vmId of this.#options.folds.vmsOf(hostId)) {
      const task = this.#tasks.get(vmId);
      if (task === undefined || this.#options.folds.get(vmId).hostId !== hostId) continue;
      if (!task.isRunning && task.retryAtMs !== undefined) task.retryAtMs = Math.min(task.retryAtMs, nowMs);
      this.#dueTimes.set(vmId, nowMs);
    }
  }

  /** The host takes orders again, perhaps with a new journal: what it owes an end is sent once more. */
  hostOpened(hostId: HostId): void {
    for (const vmId of this.#options.folds.vmsOf(hostId)) {
      const task = this.#tasks.get(vmId);
      if (task === undefined || this.#options.folds.get(vmId).hostId !== hostId) continue;
      task.failures = 0;
      if (task.isRunning) task.isWanted = true;
      else task.retryAtMs = this.#options.clock.monotonicMs();
      this.#dueTimes.set(vmId, this.#options.clock.monotonicMs());
    }
  }

  /** Looks at one VM; being woken is a hint. */
  wake(vmId: VmId): void {
    if (this.#holds === undefined) return;
    const { folds, clock } = this.#options;
    const state = folds.get(vmId);
    const operationId = state.operation?.operationId ?? state.owedUndo?.operationId;
    const { effect, leftMs } = this.#due(vmId, state);
    let task = this.#tasks.get(vmId);
    if (task !== undefined && task.key !== keyOf(effect)) {
      endWaiting(task);
      this.#tasks.delete(vmId);
      task = undefined;
    }
    if (effect !== undefined && operationId !== undefined) {
      if (task === undefined) {
        task = newTask(effect, operationId, clock.monotonicMs(), state.operation?.delays ?? 0);
        this.#tasks.set(vmId, task);
      }
      if (!task.isRunning && task.retryAtMs !== undefined && task.retryAtMs <= clock.monotonicMs()) {
        const current = task;
        const span = { traceparent: state.operation?.traceparent, fields: { operationId, vmId } };
        // Whatever woke this VM, its log lines belong to its own operation.
        void inSpan(`attempt to ${effect.kind}`, span, () => this.#attempt(vmId, current, effect, leftMs));
      }
    }
    this.#schedule(vmId, leftMs, task);
  }

  #due(vmId: VmId, state: VmState): Due {
    const { folds, names, timeouts } = this.#options;
    const name = { isKnown: folds.isReadUpToRequest(vmId), earlierHolder: names.earlierHolder(vmId, state) };
    const isSeen = this.#begunHere.get(vmId) === state.operation?.operationId;
    return due(state, this.#times.passed(vmId, state, isSeen), timeouts.undoMs, name);
  }

  #schedule(vmId: VmId, leftMs: number | undefined, task: Task | undefined): void {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const times = [
      ...(leftMs === undefined ? [] : [nowMs + Math.max(0, leftMs)]),
      ...(task?.retryAtMs === undefined || task.isRunning ? [] : [task.retryAtMs]),
    ];
    if (times.length === 0) this.#dueTimes.delete(vmId);
    else this.#dueTimes.set(vmId, Math.ceil(Math.min(...times)));
  }

  async #attempt(vmId: VmId, task: Task, effect: Effect, leftMs: number | undefined): Promise<void> {
    task.isRunning = true;
    task.retryAtMs = undefined;
    let isDone = false;
    try {
      isDone = await this.#carryOut(vmId, task, effect, leftMs);
    } catch (error) {
      this.#tell(vmId, task, effect, error);
    }
    task.isRunning = false;
    if (!this.#isCurrent(vmId, task)) return;
    if (!isDone) {
      task.retryAtMs = this.#options.clock.monotonicMs() + retryDelayMs(task.failures, this.#asked(vmId, task, effect));
      task.failures += 1;
    } else if (task.isWanted) {
      task.retryAtMs = this.#options.clock.monotonicMs();
    }
    task.isWanted = false;
    this.wake(vmId);
  }

  /** Whether the effect needs no repeat, as far as can be known here. */
  async #carryOut(vmId: VmId, task: Task, effect: Effect, leftMs: number | undefined): Promise<boolean> {
    if (this.#holds?.() !== true) return false;
    switch (effect.kind) {
      case 'record':
        return this.#record(vmId, task, effect.cause, () => effect.facts);
      case 'place':
        return this.#place(vmId, task, effect);
      case 'send':
        return this.#send(vmId, task, effect, leftMs);
      case 'look':
        return this.#look(vmId, task, effect);
    }
  }

  async #place(vmId: VmId, task: Task, effect: Extract<Effect, { kind: 'place' }>): Promise<boolean> {
    const { scheduler, clock, storeEpoch, folds } = this.#options;
    const { question, cause } = effect;
    const epoch = storeEpoch();
    if (epoch === undefined) return false;
    const askedAtMs = clock.monotonicMs();
    const answer = await scheduler.place({ ...question, ttlMs: RESERVATION_MS }, this.#trace(vmId, task, cause));
    if (answer.kind === 'already-placed') {
      await folds.refresh(vmId);
      return false;
    }
    const isInTime = () => clock.monotonicMs() - askedAtMs < PLACEMENT_MS;
    return this.#record(vmId, task, cause, (state) => {
      if (answer.kind === 'refused') return questionRefused(state, answer.rejection.code, answer.rejection.detail);
      return isInTime() ? settlePlacement(state, question, answer, epoch) : [];
    });
  }

  async #send(
    vmId: VmId,
    task: Task,
    effect: Extract<Effect, { kind: 'send' }>,
    leftMs: number | undefined,
  ): Promise<boolean> {
    const { hosts, timeouts } = this.#options;
    const { hostId, order, cause } = effect;
    const before = task.delivery;
    if (before === 'unsent' && this.#held.has(vmId)) return false;
    // The host need not begin what would be overdue by then.
    const ttlMs = Math.max(1, Math.floor(leftMs ?? timeouts.undoMs));
    task.delivery = before === 'unsent' ? 'unanswered' : before;
    try {
      const answer = await hosts.send(hostId, { ...order, ttlMs }, this.#trace(vmId, task, cause));
      if (answer.kind === 'taken') {
        task.delivery = 'taken';
        return true;
      }
      if (answer.kind !== 'superseded' && answer.kind !== 'refused') return false;
      const isEnded = this.#options.folds.get(vmId).operation === undefined;
      return isEnded || (await this.#record(vmId, task, cause, (state) => settleAnswer(state, cause, answer)));
    } catch (error) {
      if (isFailure(error) && error.outcome === 'not-applied') task.delivery = before;
      throw error;
    }
  }

  /** Never done by itself: its report ends the operation, and one that is lost is asked for again. */
  async #look(vmId: VmId, task: Task, effect: Extract<Effect, { kind: 'look' }>): Promise<boolean> {
    const { orderId } = effect.order;
    const look = { kind: 'look', subject: vmSubject(vmId), orderId } as const;
    const answer = await this.#options.hosts.look(effect.hostId, look, this.#trace(vmId, task, effect.cause));
    task.delivery = answer.kind === 'taken' ? 'taken' : 'unanswered';
    return false;
  }

  #asked(vmId: VmId, task: Task, effect: Effect): Asked {
    if (effect.kind === 'look' && task.delivery === 'taken') return 'look-taken';
    const { operation, hostId } = this.#options.folds.get(vmId);
    if (operation === undefined) return 'owed';
    return operation.isUnheard && !this.isHeard(hostId) ? 'unheard' : 'heard';
  }

  /** Appends what follows, unless the VM has moved on or this replica is no longer the active one. */
  async #record(
    vmId: VmId,
    task: Task,
    cause: Cause,
    factsOf: (state: VmState) => readonly VmFact[],
  ): Promise<boolean> {
    const { folds, clock } = this.#options;
    const { result } = await folds.change(vmId, (state) => {
      const { effect } = this.#due(vmId, state);
      const isDue = this.#isCurrent(vmId, task) && keyOf(effect) === task.key;
      const facts = isDue ? factsOf(state) : [];
      const origin = {
        actor: vmManager,
        causationId: cause.eventId,
        atMs: clock.epochMs(),
        projectId: state.identity?.projectId,
        operationId: task.operationId,
        traceparent: state.operation?.traceparent,
      };
      return { events: eventsOf(facts, origin), result: !isDue || facts.length > 0 };
    });
    return result;
  }

  /** Whether the VM still waits for this; another may have taken its place, or the lease be lost. */
  #isCurrent(vmId: VmId, task: Task): boolean {
    return this.#tasks.get(vmId) === task;
  }

  #trace(vmId: VmId, task: Task, cause: Cause): MessageTrace {
    return {
      operationId: task.operationId,
      causationId: cause.eventId,
      traceparent: this.#options.folds.get(vmId).operation?.traceparent,
      signal: task.controller.signal,
    };
  }

  #tell(vmId: VmId, task: Task, effect: Effect, error: unknown): void {
    if (!this.#isCurrent(vmId, task)) return;
    const fields = { vmId, operationId: task.operationId, effect: effect.kind, failures: task.failures + 1, error };
    // The first failures are everyday: a host that restarts, a scheduler that is quiet.
    if (!isFailure(error)) this.#options.log.error('an effect failed by a defect and is tried again', fields);
    // And then one line in ten is enough.
    else if (task.failures % 10 === 3) this.#options.log.warn('an effect fails again and again', fields);
  }
}

/** The scheduler refuses the question itself: asked again it would be refused again. */
function questionRefused(state: VmState, code: ErrorCode, reason: string): readonly VmFact[] {
  if (state.operation === undefined) return [];
  const { operationId, wish } = state.operation;
  const failed: VmFact = {
    type: 'OperationFailed',
    data: { operationId, step: 'place', code, reason, undone: [], left: [] },
  };
  return wish.kind === 'create' ? [failed, { type: 'VmDeleted', data: {} }] : [failed];
}
