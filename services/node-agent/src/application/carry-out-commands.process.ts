import { Fault, type ErrorReport, type FleetId, type HostCommand, type PowerState, type VmId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import type { Hypervisor } from '@drover/hypervisor';
import { keepContext, withContext, type Logger } from '@drover/observability';
import type { Step } from '../domain/commands/command-steps.policy.js';
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
  type CommandProgress,
  type CommandResult,
} from '../domain/commands/command.process.js';
import { ownPowerState, refusalInState, refusalToTouch } from '../domain/commands/touching.policy.js';
import { isSupersededBy } from '../domain/taking/take-command.decider.js';
import type { Admission } from './admission.js';
import type { HypervisorCalls } from './hypervisor-calls.js';
import type { JournalBook } from './journal-book.js';
import { errorReportOf, Refusal } from './refusal.js';
import type { ReportLane } from './report-lane.reconciler.js';
import type { SignalDesk } from './signal-desk.js';
import type { StepHandler } from './step.handler.js';
import { AgentStopped, throwIfStopped } from './stopping.js';
import { CommandInFlight, type VmWork } from './vm-work.js';

export interface CommandRunnerOptions {
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
 * Carries taken commands to their end, one at a time per VM in the order they were taken, those of different VMs beside
 * each other. Every command that stands in the journal ends with exactly one report, whenever the agent was killed: the
 * report and the end of the command are one entry of the journal.
 */
export class CommandRunner {
  readonly #options: CommandRunnerOptions;
  readonly #running = new Set<Promise<void>>();
  /** What the lines of a command's log carry: the trace in which it was taken. A restart of the agent forgets it. */
  readonly #contexts = new WeakMap<HostCommand, ReturnType<typeof keepContext>>();

  constructor(options: CommandRunnerOptions) {
    this.#options = options;
  }

  /** A taken command that is durable. Interrupts what it supersedes. */
  enqueue(command: HostCommand): void {
    const { work } = this.#options;
    this.#contexts.set(command, keepContext());
    const queue = work.queues.get(command.vmId);
    if (queue === undefined) {
      work.queues.set(command.vmId, [command]);
      const run = this.#runVm(command.vmId).finally(() => this.#running.delete(run));
      this.#running.add(run);
    } else {
      queue.push(command);
      work.inFlight.get(command.vmId)?.wake();
    }
  }

  /** Takes up what the journal holds; waits that were superseded meanwhile end. */
  resume(): void {
    const { book, work } = this.#options;
    for (const { command } of book.content.commands.values()) {
      const isKnown = work.queues.get(command.vmId)?.some(({ commandId }) => commandId === command.commandId);
      if (isKnown !== true && work.inFlight.get(command.vmId)?.command.commandId !== command.commandId)
        this.enqueue(command);
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
    for (let command = queue.shift(); command !== undefined; command = queue.shift()) {
      const { commandId, operationId } = command;
      const inItsContext = this.#contexts.get(command) ?? keepContext();
      const run = () => withContext({ operationId, vmId }, () => this.#runCommand(command));
      await inItsContext(run).catch((error: unknown) => {
        if (!(error instanceof AgentStopped)) logger.error('a command met a defect', { vmId, commandId, error });
      });
    }
    work.queues.delete(vmId);
  }

  async #runCommand(command: HostCommand): Promise<void> {
    const { admission, lane, logger, work } = this.#options;
    const { commandId, generation, operationId, revision, vmId } = command;
    const flight = new CommandInFlight(command);
    work.inFlight.set(vmId, flight);
    work.touched(vmId);
    try {
      const result = await this.#result(flight);
      flight.isEnding = true;
      const powerState = await this.#finalState(command);
      work.inFlight.delete(vmId);
      const order = { commandId, vmId, operationId, generation, revision };
      if (result.kind === 'failed') logger.warn('a command failed', { command: command.kind, ...result });
      else logger.info('a command has ended', { command: command.kind, result: result.kind });
      const durable = lane.append({ kind: 'command-finished', ...order, powerState, result }, [
        { kind: 'ended', commandId },
      ]);
      this.#options.desk.afterCommand(flight, powerState);
      await durable;
    } finally {
      work.inFlight.delete(vmId);
      admission.release(vmId);
      work.touched(vmId);
    }
  }

  async #result(flight: CommandInFlight): Promise<CommandResult> {
    const { book } = this.#options;
    const { command } = flight;
    let progress = book.content.commands.get(command.commandId)?.progress ?? initialProgress;
    const interrupted = interruptedStep(command, progress);
    if (interrupted !== undefined) progress = afterFailure(progress, interrupted, outcomeUnknown(interrupted));
    else if (progress.failure === undefined && !this.#isSuperseded(command))
      progress = await this.#inspect(command, progress);
    for (;;) {
      if (progress.failure === undefined && this.#isSuperseded(command)) return { kind: 'superseded' };
      const move = nextMove(command, progress);
      switch (move.kind) {
        case 'end':
          return move.result;
        case 'do':
          if (needsBeginning(progress, move.step)) {
            progress = afterBeginning(progress);
            await book.insist([{ kind: 'progressed', commandId: command.commandId, progress }]);
          }
          progress = await this.#do(flight, move.step, progress);
          break;
        case 'undo':
          progress = await this.#undo(command, move.step, () => this.#options.steps.undo(command, move.undo), progress);
          break;
      }
      const entry = { kind: 'progressed', commandId: command.commandId, progress } as const;
      // Forward, an older entry only repeats steps. Turning back must not be forgotten, or a create could be undone by
      // half and then go forward again.
      if (progress.failure === undefined) book.note([entry]);
      else await book.insist([entry]);
    }
  }

  async #inspect(command: HostCommand, progress: CommandProgress): Promise<CommandProgress> {
    const { calls, fleetId, hypervisor } = this.#options;
    try {
      const observed = await calls.look(() => hypervisor.observe(command.vmId));
      const refusal =
        refusalToTouch(fleetId(), command, observed) ??
        (progress.step === 0 ? refusalInState(command.kind, observed.powerState) : undefined);
      if (refusal !== undefined) throw new Refusal(refusal);
      return progress;
    } catch (error) {
      this.#throwUnlessWorldly(error, command, 'inspect');
      return afterRefusal(progress, errorReportOf(error));
    }
  }

  async #do(flight: CommandInFlight, step: Step, progress: CommandProgress): Promise<CommandProgress> {
    const { steps } = this.#options;
    const { command } = flight;
    const isSuperseded = (): boolean => this.#isSuperseded(command);
    for (let isRepeat = false; ; isRepeat = true) {
      try {
        return afterStep(progress, await steps.perform(flight, step, progress.facts, isSuperseded));
      } catch (error) {
        this.#throwUnlessWorldly(error, command, step.name);
        if (error instanceof Fault && error.outcome === 'unknown') {
          // Look before it is repeated: what timed out may have happened.
          if (await this.#isDone(command, step)) return afterStep(progress);
          const isSilent = step.needsAnswer === true && error.code === 'VM_UNRESPONSIVE';
          if (step.isOnce === true) return afterFailure(progress, step, undecided(errorReportOf(error)));
          if (!isRepeat && !isSilent && !isSuperseded()) continue;
        }
        return afterFailure(progress, step, errorReportOf(error));
      }
    }
  }

  async #isDone(command: HostCommand, step: Step): Promise<boolean> {
    try {
      return await this.#options.steps.isDone(command, step);
    } catch (error) {
      this.#throwUnlessWorldly(error, command, step.name);
      return false;
    }
  }

  async #undo(
    command: HostCommand,
    step: Step,
    undo: () => Promise<readonly string[]>,
    progress: CommandProgress,
  ): Promise<CommandProgress> {
    try {
      return afterUndo(command, progress, step, await undo());
    } catch (error) {
      this.#throwUnlessWorldly(error, command, `undo of ${step.name}`);
      const { code, detail } = errorReportOf(error);
      return afterFailedUndo(command, progress, step, `${code}: ${detail}`);
    }
  }

  /** As it is after the command. A hypervisor that does not answer leaves nothing to be known of the guest. */
  async #finalState(command: HostCommand): Promise<PowerState> {
    const { calls, fleetId, hypervisor } = this.#options;
    try {
      return ownPowerState(fleetId(), command, await calls.look(() => hypervisor.observe(command.vmId)));
    } catch (error) {
      this.#throwUnlessWorldly(error, command, 'observe');
      return 'UNRESPONSIVE';
    }
  }

  #isSuperseded(command: HostCommand): boolean {
    const newest = this.#options.book.content.newest.get(command.vmId);
    return newest !== undefined && isSupersededBy(command, newest);
  }

  /** A defect fails the command like a fault of the world, and is told to the log: a person has to mend it. */
  #throwUnlessWorldly(error: unknown, command: HostCommand, step: string): void {
    throwIfStopped(this.#options.stop);
    if (error instanceof AgentStopped) throw error;
    const { commandId, kind, vmId } = command;
    if (error instanceof Fault || error instanceof Refusal) return;
    this.#options.logger.error('a step met a defect', { vmId, commandId, kind, step, error });
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
