import type { ErrorCode, HostId, OperationId, VmFact, VmId } from '@drover/contracts';
import { Fault } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { inSpan } from '@drover/observability';
import { settlePlacement } from '../domain/process/placement.process.js';
import { due, settleAnswer, type Due, type Effect } from '../domain/process/vm.process.js';
import type { Timeouts } from '../domain/vm/timeouts.policy.js';
import type { Delivery } from '../domain/vm/vm-command.policy.js';
import type { Cause, VmState } from '../domain/vm/vm.state.js';
import { DueTimes } from './due-times.state.js';
import type { HostCommands } from './ports/host-commands.port.js';
import type { Log } from './ports/log.port.js';
import type { MessageTrace, Scheduler } from './ports/scheduler.port.js';
import type { Timer } from './ports/timer.port.js';
import { eventsOf, vmManager } from './vm-events.policy.js';
import type { VmFolds } from './vm-folds.state.js';
import type { VmNames } from './vm-names.state.js';

/** How long the scheduler holds a reservation. */
const RESERVATION_MS = 10_000;
/**
 * A placement is appended only within this time from before it was asked for (safety.md 19). The rest is for the append: a store
 * that cannot be reached is tried for up to 5 s.
 */
const PLACEMENT_MS = 4_500;
const FIRST_RETRY_MS = 100;
/** Short, because nothing tells that a scheduler or a host is back but its answer. */
const LONGEST_RETRY_MS = 1_000;
/** What one turn of the event loop may do at most, where much is to be done at once: some milliseconds of work. */
const VMS_PER_TURN = 16;
/** For what no operation waits for any more; a host that opens its lane is asked at once. */
const LONGEST_OWED_RETRY_MS = 60_000;

export interface VmOperationsOptions {
  readonly folds: VmFolds;
  readonly names: Pick<VmNames, 'earlierHolder'>;
  readonly scheduler: Scheduler;
  readonly hosts: HostCommands;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly timeouts: Timeouts;
  /** Absent until the fleet's first event has been read. */
  readonly storeEpoch: () => number | undefined;
  readonly log: Log;
}

/** An effect that is being carried out: one per VM at a time. */
interface Task {
  readonly key: string;
  readonly operationId: OperationId;
  readonly controller: AbortController;
  delivery: Delivery;
  isRunning: boolean;
  /** Asked for again while it was running. */
  isWanted: boolean;
  failures: number;
  /** By the monotonic clock; absent while it runs, and when nothing is to be repeated. */
  retryAtMs: number | undefined;
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
  /** Open operations that this replica saw begin while it was the active one. */
  readonly #begunHere = new Map<VmId, OperationId>();
  /** Whether the lease is still held; absent while this replica is a standby. */
  #holds: (() => boolean) | undefined;

  constructor(options: VmOperationsOptions) {
    this.#options = options;
    this.#dueTimes = new DueTimes(options.clock, options.timer, VMS_PER_TURN, (vmId) => this.wake(vmId));
    options.folds.onChange((vmId, before, after) => {
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

  /** Takes up every open operation, oldest first. How far another process had come with them is not known. */
  activate(holds: () => boolean): void {
    this.#holds = holds;
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
    this.#fewPerTurn(tasks.values(), ({ controller }) => controller.abort());
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

  /** How far the command of the VM's open operation has come, as far as this process knows. */
  deliveryOf(vmId: VmId, operationId: OperationId): Delivery {
    const task = this.#tasks.get(vmId);
    const known = task?.operationId === operationId ? task.delivery : 'unsent';
    // The replica before may have sent what it had placed.
    const mayHaveBeenSent =
      this.#begunHere.get(vmId) !== operationId && this.#options.folds.get(vmId).hostId !== undefined;
    return known === 'unsent' && mayHaveBeenSent ? 'unanswered' : known;
  }

  /** The host takes commands again, perhaps with a new journal: what it owes an end is sent once more. */
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
    const { effect, atMs } = this.#due(vmId, state);
    let task = this.#tasks.get(vmId);
    if (task !== undefined && task.key !== keyOf(effect)) {
      task.controller.abort();
      this.#tasks.delete(vmId);
      task = undefined;
    }
    if (effect !== undefined && operationId !== undefined) {
      if (task === undefined) {
        task = newTask(effect, operationId, clock.monotonicMs());
        this.#tasks.set(vmId, task);
      }
      if (!task.isRunning && task.retryAtMs !== undefined && task.retryAtMs <= clock.monotonicMs()) {
        const current = task;
        const span = { traceparent: state.operation?.traceparent, fields: { operationId, vmId } };
        // Whatever woke this VM, its log lines belong to its own operation.
        void inSpan(`attempt to ${effect.kind}`, span, () => this.#attempt(vmId, current, effect, atMs));
      }
    }
    this.#schedule(vmId, atMs, task);
  }

  #due(vmId: VmId, state: VmState): Due {
    const { folds, names, clock, timeouts } = this.#options;
    const name = { isKnown: folds.isReadUpToRequest(vmId), earlierHolder: names.earlierHolder(vmId, state) };
    return due(state, clock.epochMs(), timeouts.undoMs, name);
  }

  #schedule(vmId: VmId, atMs: number | undefined, task: Task | undefined): void {
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const times = [
      ...(atMs === undefined ? [] : [nowMs + Math.max(0, atMs - clock.epochMs())]),
      ...(task?.retryAtMs === undefined || task.isRunning ? [] : [task.retryAtMs]),
    ];
    if (times.length === 0) this.#dueTimes.delete(vmId);
    else this.#dueTimes.set(vmId, Math.ceil(Math.min(...times)));
  }

  async #attempt(vmId: VmId, task: Task, effect: Effect, atMs: number | undefined): Promise<void> {
    task.isRunning = true;
    task.retryAtMs = undefined;
    let isDone = false;
    try {
      isDone = await this.#carryOut(vmId, task, effect, atMs);
    } catch (error) {
      this.#tell(vmId, task, effect, error);
    }
    task.isRunning = false;
    if (!this.#isCurrent(vmId, task)) return;
    if (!isDone) {
      const isOwed = this.#options.folds.get(vmId).operation === undefined;
      task.retryAtMs = this.#options.clock.monotonicMs() + retryDelayMs(task.failures, isOwed);
      task.failures += 1;
    } else if (task.isWanted) {
      task.retryAtMs = this.#options.clock.monotonicMs();
    }
    task.isWanted = false;
    this.wake(vmId);
  }

  /** Whether the effect needs no repeat, as far as can be known here. */
  async #carryOut(vmId: VmId, task: Task, effect: Effect, atMs: number | undefined): Promise<boolean> {
    if (this.#holds?.() !== true) return false;
    switch (effect.kind) {
      case 'record':
        return this.#record(vmId, task, effect.cause, () => effect.facts);
      case 'place':
        return this.#place(vmId, task, effect);
      case 'send':
        return this.#send(vmId, task, effect, atMs);
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
    atMs: number | undefined,
  ): Promise<boolean> {
    const { hosts, clock, timeouts } = this.#options;
    const { hostId, command, cause } = effect;
    const before = task.delivery;
    // The host need not begin what would be overdue by then.
    const ttlMs = atMs === undefined ? timeouts.undoMs : Math.max(1, Math.floor(atMs - clock.epochMs()));
    task.delivery = before === 'unsent' ? 'unanswered' : before;
    try {
      const answer = await hosts.send(hostId, { ...command, ttlMs }, this.#trace(vmId, task, cause));
      if (answer.kind === 'taken') {
        task.delivery = 'taken';
        return true;
      }
      if (answer.kind !== 'superseded') return false;
      const isEnded = this.#options.folds.get(vmId).operation === undefined;
      return isEnded || (await this.#record(vmId, task, cause, (state) => settleAnswer(state, cause, answer)));
    } catch (error) {
      if (error instanceof Fault && error.outcome === 'not-applied') task.delivery = before;
      throw error;
    }
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
    if (!(error instanceof Fault)) this.#options.log.error('an effect failed by a defect and is tried again', fields);
    // And then one line in ten is enough.
    else if (task.failures % 10 === 3) this.#options.log.warn('an effect fails again and again', fields);
  }
}

function newTask(effect: Effect, operationId: OperationId, nowMs: number): Task {
  return {
    key: keyOf(effect),
    operationId,
    controller: new AbortController(),
    delivery: 'unsent',
    isRunning: false,
    isWanted: false,
    failures: 0,
    retryAtMs: nowMs,
  };
}

function keyOf(effect: Effect | undefined): string {
  return effect === undefined ? '' : `${effect.kind}/${effect.cause.eventId}`;
}

function retryDelayMs(failures: number, isOwed: boolean): number {
  const longestMs = isOwed ? LONGEST_OWED_RETRY_MS : LONGEST_RETRY_MS;
  return Math.min(longestMs, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
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
