import {
  Fault,
  isFailure,
  Rejected,
  subjectKey,
  type ErrorReport,
  type FleetId,
  type VmOrder,
  type PowerState,
  type VmId,
} from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import type { Hypervisor } from '@drover/hypervisor';
import { keepContext, withContext, type Logger } from '@drover/observability';
import type { Step } from '../domain/orders/order-steps.policy.js';
import {
  afterBeginning,
  afterFailedUndo,
  afterFailure,
  afterRefusal,
  afterStep,
  afterUndo,
  initialProgress,
  interruptedStep,
  needsBeginning,
  nextMove,
  type OrderProgress,
  type OrderResult,
} from '../domain/orders/order.process.js';
import { ownPowerState, refusalInState, refusalToTouch } from '../domain/orders/touching.policy.js';
import { isSupersededBy } from '../domain/taking/take-order.decider.js';
import type { Admission } from './admission.js';
import type { HypervisorCalls } from './hypervisor-calls.js';
import type { JournalBook } from './journal-book.js';
import { errorReportOf } from './error-report.js';
import type { ReportLane } from './report-lane.reconciler.js';
import type { SignalDesk } from './signal-desk.js';
import type { StepHandler } from './step.handler.js';
import { AgentStopped, throwIfStopped } from './stopping.js';
import { OrderInFlight, type VmWork } from './vm-work.js';

export interface OrderRunnerOptions {
  readonly hypervisor: Hypervisor;
  readonly calls: HypervisorCalls;
  readonly steps: StepHandler;
  readonly admission: Admission;
  readonly book: JournalBook;
  readonly lane: ReportLane;
  readonly work: VmWork;
  readonly desk: SignalDesk;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stop: AbortSignal;
  readonly fleetId: () => FleetId;
}

/**
 * Carries taken orders to their end, one at a time per VM in the order they were taken, those of different VMs next to
 * each other. Every order that stands in the journal ends with exactly one report, whenever the agent was killed: the
 * report and the end of the order are one entry of the journal.
 */
export class OrderRunner {
  readonly #options: OrderRunnerOptions;
  readonly #running = new Set<Promise<void>>();
  /** What the lines of an order's log carry: the trace in which it was taken. A restart of the agent forgets it. */
  readonly #contexts = new WeakMap<VmOrder, ReturnType<typeof keepContext>>();

  constructor(options: OrderRunnerOptions) {
    this.#options = options;
  }

  /** A taken order that is durable. Interrupts what it supersedes. */
  enqueue(order: VmOrder): void {
    const { work } = this.#options;
    this.#contexts.set(order, keepContext());
    const queue = work.queues.get(order.subject.id);
    if (queue === undefined) {
      work.queues.set(order.subject.id, [order]);
      const run = this.#runVm(order.subject.id).finally(() => this.#running.delete(run));
      this.#running.add(run);
    } else {
      queue.push(order);
      work.inFlight.get(order.subject.id)?.wake();
    }
  }

  /** Takes up what the journal holds; waits that were superseded meanwhile end. */
  resume(): void {
    const { book, work } = this.#options;
    for (const { order } of book.content.orders.values()) {
      if (order.kind === 'inspect-image') continue;
      const isKnown = work.queues.get(order.subject.id)?.some(({ orderId }) => orderId === order.orderId);
      if (isKnown !== true && work.inFlight.get(order.subject.id)?.order.orderId !== order.orderId) this.enqueue(order);
    }
    for (const flight of work.inFlight.values()) flight.wake();
  }

  /** Resolves when every step under way has ended after the agent was told to stop. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #runVm(vmId: VmId): Promise<void> {
    const { logger, work } = this.#options;
    const queue = work.queues.get(vmId) ?? [];
    for (let order = queue.shift(); order !== undefined; order = queue.shift()) {
      const { orderId, operationId } = order;
      const inItsContext = this.#contexts.get(order) ?? keepContext();
      const run = () => withContext({ operationId, vmId }, () => this.#runOrder(order));
      await inItsContext(run).catch((error: unknown) => {
        if (!(error instanceof AgentStopped)) logger.error('an order met a defect', { vmId, orderId, error });
      });
    }
    work.queues.delete(vmId);
  }

  async #runOrder(order: VmOrder): Promise<void> {
    const { admission, lane, logger, work } = this.#options;
    const { orderId, generation, operationId, revision, subject } = order;
    const vmId = subject.id;
    const flight = new OrderInFlight(order);
    work.inFlight.set(vmId, flight);
    work.touched(vmId);
    try {
      const result = await this.#result(flight);
      flight.isEnding = true;
      const powerState = await this.#finalState(order);
      work.inFlight.delete(vmId);
      const ids = { orderId, subject, operationId, generation, revision };
      if (result.kind === 'failed') logger.warn('an order failed', { order: order.kind, ...result });
      else logger.info('an order has ended', { order: order.kind, result: result.kind });
      const durable = lane.append({ kind: 'order-finished', ...ids, powerState, result }, [{ kind: 'ended', orderId }]);
      this.#options.desk.afterOrder(flight, powerState);
      await durable;
    } finally {
      work.inFlight.delete(vmId);
      admission.release(vmId);
      work.touched(vmId);
    }
  }

  async #result(flight: OrderInFlight): Promise<OrderResult> {
    const { book } = this.#options;
    const { order } = flight;
    let progress = book.content.orders.get(order.orderId)?.progress ?? initialProgress;
    const interrupted = interruptedStep(order, progress);
    if (interrupted !== undefined) progress = afterFailure(progress, interrupted, outcomeUnknown(interrupted));
    else if (progress.failure === undefined && !this.#isSuperseded(order))
      progress = await this.#inspect(order, progress);
    for (;;) {
      if (progress.failure === undefined && this.#isSuperseded(order)) return { kind: 'superseded' };
      const move = nextMove(order, progress);
      switch (move.kind) {
        case 'end':
          return move.result;
        case 'do':
          if (needsBeginning(progress, move.step)) {
            progress = afterBeginning(progress);
            await book.insist([{ kind: 'progressed', orderId: order.orderId, progress }]);
          }
          progress = await this.#do(flight, move.step, progress);
          break;
        case 'undo':
          progress = await this.#undo(order, move.step, () => this.#options.steps.undo(order, move.undo), progress);
          break;
      }
      const entry = { kind: 'progressed', orderId: order.orderId, progress } as const;
      // Forward, an older entry only repeats steps. Turning back must not be forgotten, or a create could be undone by
      // half and then go forward again.
      if (progress.failure === undefined) book.note([entry]);
      else await book.insist([entry]);
    }
  }

  async #inspect(order: VmOrder, progress: OrderProgress): Promise<OrderProgress> {
    const { calls, fleetId, hypervisor } = this.#options;
    try {
      const observed = await calls.look(() => hypervisor.observe(order.subject.id));
      const refusal =
        refusalToTouch(fleetId(), order, observed) ??
        (progress.step === 0 ? refusalInState(order.kind, observed.powerState) : undefined);
      if (refusal !== undefined) throw new Rejected(refusal);
      return progress;
    } catch (error) {
      this.#rethrowIfStopped(error);
      this.#noteDefect(error, order, 'inspect');
      return afterRefusal(progress, errorReportOf(error));
    }
  }

  async #do(flight: OrderInFlight, step: Step, progress: OrderProgress): Promise<OrderProgress> {
    const { steps } = this.#options;
    const { order } = flight;
    const isSuperseded = (): boolean => this.#isSuperseded(order);
    for (let isRepeat = false; ; isRepeat = true) {
      try {
        return afterStep(progress, await steps.perform(flight, step, progress.facts, isSuperseded));
      } catch (error) {
        this.#rethrowIfStopped(error);
        this.#noteDefect(error, order, step.name);
        if (error instanceof Fault && error.outcome === 'unknown') {
          // Look before it is repeated: what timed out may have happened.
          if (await this.#isDone(order, step)) return afterStep(progress);
          const isSilent = step.needsAnswer === true && error.code === 'VM_UNRESPONSIVE';
          if (step.isOnce === true) return afterFailure(progress, step, undecided(errorReportOf(error)));
          if (!isRepeat && !isSilent && !isSuperseded()) continue;
        }
        return afterFailure(progress, step, errorReportOf(error));
      }
    }
  }

  async #isDone(order: VmOrder, step: Step): Promise<boolean> {
    try {
      return await this.#options.steps.isDone(order, step);
    } catch (error) {
      this.#rethrowIfStopped(error);
      this.#noteDefect(error, order, step.name);
      return false;
    }
  }

  async #undo(
    order: VmOrder,
    step: Step,
    undo: () => Promise<readonly string[]>,
    progress: OrderProgress,
  ): Promise<OrderProgress> {
    try {
      return afterUndo(order, progress, step, await undo());
    } catch (error) {
      this.#rethrowIfStopped(error);
      this.#noteDefect(error, order, `undo of ${step.name}`);
      const { code, detail } = errorReportOf(error);
      return afterFailedUndo(order, progress, step, `${code}: ${detail}`);
    }
  }

  /** As it is after the order. A hypervisor that does not answer leaves nothing to be known of the guest. */
  async #finalState(order: VmOrder): Promise<PowerState> {
    const { calls, fleetId, hypervisor } = this.#options;
    try {
      return ownPowerState(fleetId(), order, await calls.look(() => hypervisor.observe(order.subject.id)));
    } catch (error) {
      this.#rethrowIfStopped(error);
      this.#noteDefect(error, order, 'observe');
      return 'UNRESPONSIVE';
    }
  }

  #isSuperseded(order: VmOrder): boolean {
    const newest = this.#options.book.content.newest.get(subjectKey(order.subject));
    return newest !== undefined && isSupersededBy(order, newest);
  }

  #rethrowIfStopped(error: unknown): void {
    throwIfStopped(this.#options.stop);
    if (error instanceof AgentStopped) throw error;
  }

  /** A defect fails the order as a fault does. It is logged as well, because only a change of the program mends it. */
  #noteDefect(error: unknown, order: VmOrder, step: string): void {
    if (isFailure(error)) return;
    const { orderId, kind, subject } = order;
    const vmId = subject.id;
    this.#options.logger.error('a step met a defect', { vmId, orderId, kind, step, error });
  }
}

function outcomeUnknown({ name }: Step): ErrorReport {
  const detail = `the node agent was restarted during ${name}`;
  return undecided({ code: 'OUTCOME_UNKNOWN', outcome: 'unknown', detail });
}

/** The operator reads the detail alone, and must look before asking again. */
function undecided(report: ErrorReport): ErrorReport {
  return { ...report, detail: `${report.detail.slice(0, 3900)}; it may have happened all the same` };
}
