import {
  answered,
  errors,
  Fault,
  keyReused,
  type Answer,
  type CommandAccepted,
  type OperationId,
  type VmCommand,
  type VmId,
  isFailure,
} from '@drover/contracts';
import { requestDigest, type Clock } from '@drover/domain-kit';
import type { HostHearing } from '@drover/operations';
import { joinedByDelete } from '../domain/vm/delete.decider.js';
import { decide } from '../domain/vm/vm.decider.js';
import { asksOtherwise, operationIdOf, subjectOf, type VmDecision } from '../domain/vm/vm-command.policy.js';
import type { Timeouts } from '../domain/vm/timeouts.policy.js';
import type { VmState } from '../domain/vm/vm.state.js';
import type { DoubtfulVms } from './doubtful-vms.state.js';
import { eventsOf } from './vm-events.policy.js';
import type { Images } from './images.state.js';
import type { VmFolds } from './vm-folds.state.js';
import type { VmNames } from './vm-names.state.js';
import type { VmOperations } from './vm-operations.process.js';

export type CommandAnswer = Answer<CommandAccepted>;

type Create = Extract<VmCommand, { kind: 'create' }>;

export interface VmCommandHandlerOptions {
  readonly folds: VmFolds;
  readonly names: VmNames;
  readonly images: Pick<Images, 'standing' | 'reserve' | 'release' | 'settleDeletions'>;
  readonly doubtful: Pick<DoubtfulVms, 'has'>;
  readonly operations: Pick<VmOperations, 'deliveryOf' | 'holding'>;
  readonly hearing: Pick<HostHearing, 'isHeard'>;
  readonly clock: Clock;
  readonly timeouts: Timeouts;
  /** Whether this replica is the active one; asked right before each append. */
  readonly isActive: () => boolean;
}

/** Decides commands on VMs and appends what was decided. */
export class VmCommandHandler {
  readonly #options: VmCommandHandlerOptions;

  constructor(options: VmCommandHandlerOptions) {
    this.#options = options;
  }

  /** Throws a `Fault`; repeated with the same command id it does once what it did or would have done. */
  async handle(command: VmCommand, traceparent?: string): Promise<CommandAnswer> {
    const vmId = subjectOf(command);
    if (command.kind === 'create') return this.#create(command, vmId, traceparent);
    const decide = () => this.#decide(command, vmId, traceparent);
    try {
      // Whether the command was sent decides on a cancel, and must not change while that is written down.
      return await (command.kind === 'cancel' ? this.#options.operations.holding(vmId, decide) : decide());
    } catch (error) {
      const answer = isFailure(error) ? undefined : await this.#oldAnswer(command, vmId);
      if (answer === undefined) throw error;
      return answer;
    }
  }

  async #create(command: Create, vmId: VmId, traceparent: string | undefined): Promise<CommandAnswer> {
    const { folds, images, names } = this.#options;
    const { projectId, name } = command;
    await images.settleDeletions(projectId, command.spec);
    const doubtful = names.inDoubt(projectId, name);
    if (doubtful !== undefined && doubtful !== vmId) {
      const state = await folds.refresh(doubtful);
      if (state.phase === 'unknown') names.release(projectId, name, doubtful);
    }
    try {
      const answer = await this.#decide(command, vmId, traceparent);
      names.release(projectId, name, vmId);
      images.release(vmId);
      return answer;
    } catch (error) {
      if (error instanceof Fault && error.outcome === 'unknown') names.doubt(projectId, name, vmId);
      else {
        names.release(projectId, name, vmId);
        images.release(vmId);
      }
      throw error;
    }
  }

  async #decide(command: VmCommand, vmId: VmId, traceparent: string | undefined): Promise<CommandAnswer> {
    const { folds, clock, images, names, isActive } = this.#options;
    const { state, result, wasRepeat } = await folds.change<VmDecision>(
      vmId,
      (current) => {
        if (!isActive()) throw errors.SERVICE_UNAVAILABLE('not-applied', 'this replica is not the active one');
        const decision = decide(current, command, this.#context(current, command, vmId));
        if (decision.kind === 'rejected') return { events: [], result: decision };
        for (const fact of decision.events) {
          if (fact.type !== 'VmRequested') continue;
          names.reserve(fact.data.projectId, fact.data.name, vmId);
          images.reserve(vmId, fact.data.projectId, fact.data.spec);
        }
        const origin = {
          actor: command.actor,
          causationId: command.commandId,
          atMs: clock.epochMs(),
          projectId: command.projectId,
          operationId: operationIdOf(command),
          traceparent,
          requestDigest: requestDigest(command),
        };
        return { events: eventsOf(decision.events, origin), result: decision };
      },
      command.kind === 'create',
    );
    // A create is decided before the stream is read: a VM that is over is in memory no more, and its name may be another's.
    if (result.kind === 'rejected') {
      return (command.kind === 'create' ? await this.#oldAnswer(command, vmId) : undefined) ?? result;
    }
    const operationId = operationIdOf(command);
    const isRemembered = state.knownOperations.some((known) => known.operationId === operationId);
    // What was decided anew and yet is not in the fold is a repeat that the store recognised; so is a create of a VM that is there.
    if (wasRepeat || (!isRemembered && (command.kind === 'create' || result.events.length > 0))) {
      const old = await this.#oldAnswer(command, vmId);
      if (old !== undefined) return old;
    }
    // A VM's id follows from its create, so that is known; so is what stands in the store now, perhaps for long.
    const isKnown = command.kind === 'create' || result.events.length > 0 || isRemembered;
    const joined = command.kind === 'delete' ? joinedByDelete(state) : undefined;
    return accepted(vmId, state, isKnown ? operationId : joined);
  }

  /**
   * The answer to a repeat so late that the fold has forgotten its operation, and that would be decided otherwise today: the store
   * refuses an append of which it knows a part. Absent where the stream holds nothing of this command.
   */
  async #oldAnswer(command: VmCommand, vmId: VmId): Promise<CommandAnswer | undefined> {
    const effect = await this.#options.folds.effectOf(vmId, command.commandId);
    if (effect === undefined) return undefined;
    if (asksOtherwise(command, effect.meta.requestDigest)) return { kind: 'rejected', rejection: keyReused };
    return accepted(vmId, await this.#options.folds.load(vmId), operationIdOf(command));
  }

  #context(state: VmState, command: VmCommand, vmId: VmId) {
    const { doubtful, hearing, images, names, operations, timeouts } = this.#options;
    const open = state.operation;
    const delivery = open === undefined ? ('unsent' as const) : operations.deliveryOf(vmId, open.operationId);
    const holder = command.kind === 'create' ? names.holder(command.projectId, command.name) : undefined;
    const isHostHeard = state.hostId !== undefined && hearing.isHeard(state.hostId);
    return {
      timeouts,
      delivery,
      isHostHeard,
      isDoubtful: state.hostId !== undefined && doubtful.has(state.hostId, vmId),
      imageStanding: (image: string) => images.standing(command.projectId, image),
      ...(holder === undefined || holder === vmId ? {} : { nameHolder: holder }),
    };
  }
}

function accepted(vmId: VmId, { revision, position }: VmState, operationId: OperationId | undefined): CommandAnswer {
  const value = { subjectId: vmId, ...(operationId === undefined ? {} : { operationId }), revision, position };
  return answered(value);
}
