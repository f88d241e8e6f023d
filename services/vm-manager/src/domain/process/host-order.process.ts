import { vmSubject, type HostId, type OrderRank, type VmOrder, type VolumeRef } from '@drover/contracts';
import type { Cause, Delivering, PendingOrder } from '@drover/operations';
import { hostOrderId, type OpenOperation, type VmIdentity, type VmState } from '../vm/vm.state.js';

/** Whether the operation needs a host to be chosen before anything else. */
export function needsPlacement(state: VmState, operation: OpenOperation): boolean {
  if (operation.undoing !== undefined || state.hostId !== undefined) return false;
  return operation.wish.kind === 'create' || operation.wish.kind === 'start';
}

/** The event that the open operation's current step follows from. */
export function currentCause(operation: OpenOperation): Cause {
  return operation.undoing?.cause ?? operation.cause;
}

/**
 * The order that the open operation now waits for, or nothing where it has none. An undo that its host did not confirm in
 * time outlives its operation: what no operation needs any more is taken back whenever the host answers again.
 *
 * Steps and their undo:
 * - `create` is undone by the host itself where it fails, and by `delete` where it was cancelled or is overdue;
 * - the actions have none: the opposite order would be a second change to a guest that no client asked for, so what was
 *   observed is recorded instead;
 * - `delete` has none: what is removed cannot be brought back.
 */
export function pendingOrder(state: VmState): Delivering<VmOrder> | undefined {
  const { operation, identity, hostId, generation, owedUndo } = state;
  const owed =
    operation === undefined ? owedUndo : { operationId: operation.operationId, cause: currentCause(operation) };
  if (owed === undefined || identity === undefined || hostId === undefined || generation === undefined)
    return undefined;
  const { cause, operationId } = owed;
  const orderId = hostOrderId(cause);
  const ids = { orderId, subject: vmSubject(identity.vmId), operationId, generation, revision: cause.revision };
  const isForward = operation !== undefined && operation.undoing === undefined;
  return { hostId, cause, order: { ...ids, ...(isForward ? step(state, operation, identity) : removal(state)) } };
}

type OrderIds = Pick<VmOrder, 'orderId' | 'subject' | 'operationId' | 'generation' | 'revision'>;
type StepOf<Command> = Command extends unknown ? Omit<Command, keyof OrderIds> : never;

function step(state: VmState, operation: OpenOperation, identity: VmIdentity): StepOf<PendingOrder<VmOrder>> {
  const { wish } = operation;
  if (wish.kind === 'create') return { kind: 'create', ...definitionOf(state, identity), powerOn: wish.powerOn };
  if (wish.kind === 'delete') return removal(state);
  // The host is told what was asked, and nothing more.
  if (wish.kind !== 'start') return wish;
  // A VM whose creation never came to its definition is made now.
  return state.definition === undefined
    ? { kind: 'create', ...definitionOf(state, identity), powerOn: true }
    : { kind: 'start', ...definitionOf(state, identity) };
}

/** A delete, and the undo of a create: whatever is there of domain and volumes. */
function removal({ definition }: VmState): { kind: 'delete'; volumes?: VolumeRef[] } {
  if (definition === undefined) return { kind: 'delete' };
  return { kind: 'delete', volumes: definition.disks.map(({ pool, volume }) => ({ pool, volume })) };
}

function definitionOf(state: VmState, identity: VmIdentity) {
  const { projectId, name, spec } = identity;
  return { projectId, name, spec, ...(state.definition === undefined ? {} : { settled: state.definition }) };
}

/**
 * The newest order that a host must know of this VM before it takes orders again. Of the VM's own host just below the order that is being
 * waited for; else above everything that was ever sent, so that late copies do nothing. Undefined where no host was given the VM.
 */
export function newestOrder(state: VmState, hostId: HostId): OrderRank | undefined {
  const { generation } = state;
  if (generation === undefined) return undefined;
  const pending = state.hostId === hostId ? pendingOrder(state) : undefined;
  return { generation, revision: pending === undefined ? state.revision : pending.order.revision - 1 };
}
