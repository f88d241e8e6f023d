import type { ErrorCode, HostId, OperationId, VmFact, VmId } from '@drover/contracts';
import { Fault } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { settlePlacement } from '../domain/process/placement.process.js';
import { due, settleAnswer, type Effect } from '../domain/process/vm.process.js';
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

/** How long the scheduler holds a reservation. */
const RESERVATION_MS = 10_000;
/** A placement is appended only within this time from before it was asked for; the rest is for the append (safety.md 19). */
const PLACEMENT_MS = 8_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

export interface VmOperationsOptions {
  readonly folds: VmFolds;
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
  readonly #tasks = new Map<VmId, Task>();
  readonly #dueTimes: DueTimes<VmId>;
  #isActive = false;

  constructor(options: VmOperationsOptions) {
    this.#options = options;
    this.#dueTimes = new DueTimes(options.clock, options.timer, (vmId) => this.wake(vmId));
    options.folds.onChange((vmId, before, after) => {
      if (this.#isActive && after.operation !== before.operation) this.wake(vmId);
    });
  }

  /** Takes up every open operation. */
  activate(): void {
    this.#isActive = true;
    for (const vmId of [...this.#options.folds.openVms]) this.wake(vmId);
  }

  /** Stops at once: what is under way appends nothing more. Idempotent. */
  deactivate(): void {
    this.#isActive = false;
    for (const task of this.#tasks.values()) task.controller.abort();
    this.#tasks.clear();
    this.#dueTimes.clear();
  }

  /** How far the command of the VM's open operation has come, as far as this process knows. */
  deliveryOf(vmId: VmId, operationId: OperationId): Delivery {
    const task = this.#tasks.get(vmId);
    return task?.operationId === operationId ? task.delivery : 'unsent';
  }

  /** The host takes commands again, perhaps with a new journal: what it owes an end is sent once more. */
  hostOpened(hostId: HostId): void {
    for (const vmId of this.#options.folds.vmsOf(hostId)) {
      const task = this.#tasks.get(vmId);
      if (task === undefined) continue;
      task.failures = 0;
      if (task.isRunning) task.isWanted = true;
      else task.retryAtMs = this.#options.clock.monotonicMs();
      this.wake(vmId);
    }
  }

  /** Looks at one VM; being woken is a hint. */
  wake(vmId: VmId): void {
    if (!this.#isActive) return;
    const { folds, clock, timeouts } = this.#options;
    const state = folds.get(vmId);
    const { effect, atMs } = due(state, clock.epochMs(), timeouts.undoMs);
    let task = this.#tasks.get(vmId);
    if (task !== undefined && task.key !== keyOf(effect)) {
      task.controller.abort();
      this.#tasks.delete(vmId);
      task = undefined;
    }
    if (effect !== undefined && state.operation !== undefined) {
      if (task === undefined) {
        task = newTask(effect, state.operation.operationId, clock.monotonicMs());
        this.#tasks.set(vmId, task);
      }
      if (!task.isRunning && task.retryAtMs !== undefined && task.retryAtMs <= clock.monotonicMs()) {
        void this.#attempt(vmId, task, effect, atMs);
      }
    }
    this.#schedule(vmId, atMs, task);
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
    if (task.controller.signal.aborted) return;
    if (!isDone) {
      task.retryAtMs = this.#options.clock.monotonicMs() + retryDelayMs(task.failures);
      task.failures += 1;
    } else if (task.isWanted) {
      task.retryAtMs = this.#options.clock.monotonicMs();
    }
    task.isWanted = false;
    this.wake(vmId);
  }

  /** Whether the effect needs no repeat, as far as can be known here. */
  async #carryOut(vmId: VmId, task: Task, effect: Effect, atMs: number | undefined): Promise<boolean> {
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
    const { hosts, clock } = this.#options;
    const { hostId, command, cause } = effect;
    const before = task.delivery;
    // The host need not begin what would be overdue by then.
    const ttlMs = Math.max(1, Math.floor((atMs ?? 0) - clock.epochMs()));
    task.delivery = before === 'unsent' ? 'unanswered' : before;
    try {
      const answer = await hosts.send(hostId, { ...command, ttlMs }, this.#trace(vmId, task, cause));
      if (answer.kind === 'taken') {
        task.delivery = 'taken';
        return true;
      }
      if (answer.kind !== 'superseded') return false;
      return await this.#record(vmId, task, cause, (state) => settleAnswer(state, cause, answer));
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
    const { folds, clock, timeouts } = this.#options;
    const { result } = await folds.change(vmId, (state) => {
      const { effect } = due(state, clock.epochMs(), timeouts.undoMs);
      const isDue = !task.controller.signal.aborted && keyOf(effect) === task.key;
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

  #trace(vmId: VmId, task: Task, cause: Cause): MessageTrace {
    return {
      operationId: task.operationId,
      causationId: cause.eventId,
      traceparent: this.#options.folds.get(vmId).operation?.traceparent,
      signal: task.controller.signal,
    };
  }

  #tell(vmId: VmId, task: Task, effect: Effect, error: unknown): void {
    if (task.controller.signal.aborted) return;
    const fields = { vmId, operationId: task.operationId, effect: effect.kind, failures: task.failures + 1, error };
    // The first failures are everyday: a host that restarts, a scheduler that is quiet.
    if (!(error instanceof Fault)) this.#options.log.error('an effect failed by a defect and is tried again', fields);
    else if (task.failures >= 3) this.#options.log.warn('an effect fails again and again', fields);
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

function retryDelayMs(failures: number): number {
  return Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
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
