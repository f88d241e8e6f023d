import {
  Rejected,
  errors,
  DEFAULT_PROJECT,
  restHeaders,
  type CommandAccepted,
  type CommandId,
  type OperationId,
  type OperationKind,
  type Position,
  type ProjectId,
  type VmCommand,
  type VmId,
  type VmVerb,
  type VmWish,
  type VmWriteAnswer,
  vmIdSchema,
  type createVmBodySchema,
  type OperationView,
  type Answer,
} from '@drover/contracts';
import { requestDigest, type Clock } from '@drover/domain-kit';
import type { z } from 'zod';
import { withPowerDrift } from './power-drift.policy.js';
import { actorOf, commandIdOf, operationIdAfter, type Caller } from './caller.js';
import { refuseMissingVm, type FindResource } from './find-resource.handler.js';
import type { OperationEnds } from './operation-ends.js';
import type { FleetCommands } from './ports/fleet-commands.port.js';
import { OpenShares } from './open-shares.js';
import { OPERATIONS, VMS, type FleetReads } from './ports/fleet-reads.port.js';
import type { ReadPosition } from './ports/read-position.port.js';
import type { ProgressBoard } from './progress-board.js';
import { shownOperation } from './shown-operation.policy.js';

/** Of one principal at a time. */
const MAX_WAITS = 1000;

export interface Written<Body> {
  readonly body: Body;
  readonly position: Position;
  /** The operation to follow; absent where nothing has to happen. */
  readonly operationId?: OperationId;
  /** Nothing more will happen: there was nothing to do, or the end was waited for. */
  readonly isEnded: boolean;
}

/** Which VM, as the request names it. */
interface Target {
  readonly project: ProjectId;
  readonly ref: string;
}

/** Turns requests into commands to vm-manager, which decides, and answers with what to follow. */
export class WriteVm {
  readonly #commands: FleetCommands;
  readonly #find: FindResource;
  readonly #reads: FleetReads;
  readonly #position: ReadPosition;
  readonly #ends: OperationEnds;
  readonly #progress: ProgressBoard;
  readonly #clock: Clock;
  readonly #waits = new OpenShares('requests with ?wait=', MAX_WAITS);

  constructor(parts: {
    readonly commands: FleetCommands;
    readonly find: FindResource;
    readonly reads: FleetReads;
    readonly position: ReadPosition;
    readonly ends: OperationEnds;
    readonly progress: ProgressBoard;
    readonly clock: Clock;
  }) {
    this.#commands = parts.commands;
    this.#find = parts.find;
    this.#reads = parts.reads;
    this.#position = parts.position;
    this.#ends = parts.ends;
    this.#progress = parts.progress;
    this.#clock = parts.clock;
  }

  create(caller: Caller, body: z.output<typeof createVmBodySchema>, waitMs: number): Promise<Written<VmWriteAnswer>> {
    return this.#within(caller, waitMs, () => this.#create(caller, body, waitMs));
  }

  act(caller: Caller, target: Target, wish: VmWish, waitMs: number): Promise<Written<VmWriteAnswer>> {
    return this.#within(caller, waitMs, () => this.#act(caller, target, wish, waitMs));
  }

  cancel(caller: Caller, operationId: OperationId, waitMs: number): Promise<Written<VmWriteAnswer>> {
    return this.#within(caller, waitMs, () => this.#cancel(caller, operationId, waitMs));
  }

  /** What waits for an end holds a share of the principal's from before anything is done. */
  async #within<Body>(caller: Caller, waitMs: number, write: () => Promise<Written<Body>>): Promise<Written<Body>> {
    if (waitMs === 0) return write();
    const close = this.#waits.open(caller.principal);
    try {
      return await write();
    } finally {
      close();
    }
  }

  async #create(
    caller: Caller,
    body: z.output<typeof createVmBodySchema>,
    waitMs: number,
  ): Promise<Written<VmWriteAnswer>> {
    const { name, spec, powerOn, project = DEFAULT_PROJECT } = body;
    const accepted = accept(
      await this.#commands.command('vm', 'create', {
        kind: 'create',
        ...this.#envelope(caller, ['vm.create']),
        projectId: project,
        name,
        spec,
        powerOn,
      }),
    );
    const vm = { id: vmIdSchema.parse(accepted.subjectId), name, project };
    return this.#answer(accepted, 'vm.create', vm, waitMs);
  }

  async #act(caller: Caller, target: Target, wish: VmWish, waitMs: number): Promise<Written<VmWriteAnswer>> {
    const kind = `vm.${wish.kind}` as const;
    const envelope = this.#envelope(caller, [kind, target.project, target.ref]);
    const there = await this.#find.vmIfAny(target.project, target.ref);
    const commandTo = (vm: { readonly id: VmId; readonly project: ProjectId }): VmCommand<VmVerb> => ({
      ...wish,
      ...envelope,
      projectId: vm.project,
      vmId: vm.id,
    });
    const first = await this.#firstOperation(caller, envelope.commandId);
    if (first !== undefined) {
      return this.#firstAnswer(
        first,
        commandTo({ id: vmIdSchema.parse(first.subject.id), project: first.project }),
        waitMs,
      );
    }
    const { id, name, project } = there ?? refuseMissingVm(target.project, target.ref);
    const accepted = accept(await this.#commands.command('vm', wish.kind, commandTo({ id, project })));
    return this.#answer(accepted, kind, { id, name, project }, waitMs);
  }

  /**
   * The operation of a repeat whose first request began an operation that the read model shows: the name may have become free since, or be
   * another VM's.
   *
   * Asked only once the name has been looked up. A name goes to another VM after the first one's end, and so after its operations:
   * a reader that sees the name at its next VM sees this operation too. One that does not see it yet has found the first VM, and
   * vm-manager recognises the command by its id. Even a command that went to another VM would do nothing there, because the
   * store holds its events' ids in one stream only.
   */
  async #firstOperation(caller: Caller, commandId: CommandId): Promise<OperationView | undefined> {
    if (caller.idempotencyKey === undefined) return undefined;
    return this.#reads.of(OPERATIONS).find(operationIdAfter(commandId));
  }

  /** A repeat that asks the same is answered as the first one was; one that asks something else is refused. */
  async #firstAnswer(operation: OperationView, repeat: VmCommand, waitMs: number): Promise<Written<VmWriteAnswer>> {
    const { id: operationId, kind, subject, requestDigest: asked } = operation;
    if (asked !== undefined && asked !== requestDigest(repeat)) {
      const detail = `this Idempotency-Key was used for another ${kind} of ${subject.name}: operation ${operationId}`;
      const more = { field: restHeaders.idempotencyKey, data: { operationId } };
      throw new Rejected(errors.IDEMPOTENCY_KEY_REUSED(detail, more));
    }
    const position = await this.#position.head();
    return this.#answer({ operationId, position }, kind, vmOf(operation), waitMs);
  }

  async #cancel(caller: Caller, operationId: OperationId, waitMs: number): Promise<Written<VmWriteAnswer>> {
    const operation = await this.#find.operation(operationId);
    const { project, kind } = operation;
    const vm = vmOf(operation);
    const accepted = accept(
      await this.#commands.command('vm', 'cancel', {
        kind: 'cancel',
        ...this.#envelope(caller, ['vm.cancel', operationId]),
        projectId: project,
        vmId: vm.id,
        operationId,
      }),
    );
    return this.#answer({ ...accepted, operationId }, kind, vm, waitMs);
  }

  #envelope(caller: Caller, deed: readonly [kind: string, ...asWritten: string[]]) {
    return { commandId: commandIdOf(caller, deed, this.#clock), actor: actorOf(caller) };
  }

  async #answer(
    accepted: Pick<CommandAccepted, 'operationId' | 'position'>,
    kind: OperationKind,
    vm: { readonly id: VmId; readonly name: string; readonly project: ProjectId },
    waitMs: number,
  ): Promise<Written<VmWriteAnswer>> {
    const { operationId, position } = accepted;
    if (operationId === undefined) return { body: { operation: null, vm }, position, isEnded: true };
    const reference = { operation: { id: operationId, kind }, vm };
    if (waitMs === 0) return { body: reference, position, operationId, isEnded: false };
    const operation = await this.#waitForEnd(operationId, position, waitMs);
    if (operation === undefined) return { body: reference, position, operationId, isEnded: false };
    const view = await this.#reads.of(VMS).find(vm.id);
    return {
      body: {
        operation: shownOperation(operation, this.#progress),
        vm: view === undefined ? vm : withPowerDrift(view),
      },
      position,
      operationId,
      isEnded: operation.endedAt !== null,
    };
  }

  /** The operation as it stands when it has ended or the time is over; undefined while it is not in the read model. */
  async #waitForEnd(operationId: OperationId, position: Position, waitMs: number): Promise<OperationView | undefined> {
    const ending = this.#ends.wait(operationId, waitMs);
    try {
      await this.#position.waitFor(position, waitMs);
      const seen = await this.#reads.of(OPERATIONS).find(operationId);
      if (seen !== undefined && seen.endedAt !== null) return seen;
      await ending.woken;
      return await this.#reads.of(OPERATIONS).find(operationId);
    } finally {
      ending.stop();
    }
  }
}

function vmOf({ subject, project }: OperationView) {
  return { id: vmIdSchema.parse(subject.id), name: subject.name, project };
}

export function accept<Value>(answer: Answer<Value>): Value {
  if (answer.kind === 'rejected') throw new Rejected(answer.rejection);
  return answer.value;
}
