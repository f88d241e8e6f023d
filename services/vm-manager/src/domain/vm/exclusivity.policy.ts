import { errors, vmWishFact, type OperationId, type Rejection, type VmFact, type VmWish } from '@drover/contracts';
import { reject, type Decision } from '@drover/domain-kit';
import type { Certainty } from './vm-command.policy.js';
import type { OpenOperation, VmState } from './vm.state.js';

export interface Beginning {
  readonly operationId: OperationId;
  readonly timeoutMs: number;
  /** The verb and what is asked with it: the command itself. */
  readonly wish: VmWish;
  /** Which open operations give way to this one; the others make it `VM_BUSY`. */
  readonly takesPlaceOf: (open: OpenOperation) => boolean;
}

/**
 * Begins an operation under the rule that one at a time holds a VM (safety.md 16). The one whose place is taken ends as
 * cancelled in the same append; on the host the newer command then makes the older one void.
 */
export function begin(state: VmState, beginning: Beginning): Decision<VmFact, Rejection> {
  const { operationId, timeoutMs, wish } = beginning;
  const kind = `vm.${wish.kind}` as const;
  const open = state.operation;
  if (open !== undefined && !beginning.takesPlaceOf(open)) return busy(open);
  const supersedes = open === undefined ? {} : { supersedes: open.operationId };
  const facts: VmFact[] = [
    vmWishFact(wish),
    { type: 'OperationBegan', data: { operationId, kind, timeoutMs, ...supersedes } },
  ];
  if (open !== undefined) {
    facts.unshift({
      type: 'OperationCancelled',
      data: { operationId: open.operationId, by: 'superseded', supersededBy: operationId, undone: [], left: [] },
    });
  }
  return { kind: 'accepted', events: facts };
}

/**
 * Whether what was observed is so now. It may have changed since where the host cannot be heard, or reported more than was recorded: then
 * the wish is carried out, and the host finds that it is so already (ADR 29).
 */
export function isCertain(state: VmState, { isHostHeard, isDoubtful }: Certainty): boolean {
  return (isHostHeard && !isDoubtful) || state.hostId === undefined;
}

/** A delete, and a create that is being undone. */
export function isRemoval(open: OpenOperation): boolean {
  return open.kind === 'vm.delete' || open.undoing !== undefined;
}

export function busy(open: OpenOperation): Decision<never, Rejection> {
  return reject(
    errors.VM_BUSY(`operation ${open.operationId} (${open.kind}) holds this VM; ${remedy(open)}`, {
      data: { operationId: open.operationId, kind: open.kind },
    }),
  );
}

export function wrongState(detail: string, state: VmState): Decision<never, Rejection> {
  return reject(
    errors.VM_WRONG_STATE(detail, { data: { observed: state.observed ?? 'UNKNOWN', desired: state.desired } }),
  );
}

function remedy(open: OpenOperation): string {
  return isRemoval(open)
    ? 'it removes the VM: wait for it, or delete the VM in its place'
    : 'wait for it, cancel it, force-stop or delete';
}
