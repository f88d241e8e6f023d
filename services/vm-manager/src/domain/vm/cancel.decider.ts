import { errors, type OperationId, type VmFact } from '@drover/contracts';
import { accept, reject } from '@drover/domain-kit';
import type { DecisionContext, VmDecision } from './vm-command.policy.js';
import { KNOWN_OPERATIONS, type VmState } from './vm.state.js';

/**
 * Ends an operation that has not reached its host, or whose host cannot be heard; undoes a create that has.
 *
 * Where the host has not answered, a late copy may still arrive: it does nothing once a newer command was taken or the lane
 * was opened again, and `left` says so.
 */
export function decideCancel(
  state: VmState,
  command: { readonly operationId: OperationId },
  context: Pick<DecisionContext, 'delivery' | 'isHostHeard'>,
): VmDecision {
  const { operationId } = command;
  const open = state.operation;
  if (open?.operationId !== operationId) {
    const known = state.knownOperations.find((candidate) => candidate.operationId === operationId);
    // Among so many an older one may have been forgotten, and that one has ended.
    if (known === undefined && state.knownOperations.length < KNOWN_OPERATIONS) {
      return reject(errors.OPERATION_NOT_FOUND(`this VM has no operation ${operationId}`));
    }
    if (known?.isCancelled === true) return accept();
    return notCancellable(operationId, 'has ended');
  }
  if (open.undoing !== undefined) return accept();
  if (open.kind === 'vm.create') {
    if (open.isPlaced) return accept({ type: 'OperationCancelRequested', data: { operationId, because: 'user' } });
    return accept(cancelled(operationId, []), { type: 'VmDeleted', data: {} });
  }
  // A host that cannot be heard may never tell the end: then a person may give the VM free.
  if (context.delivery === 'taken' && context.isHostHeard) return notCancellable(operationId, 'has reached the host');
  const left =
    context.delivery === 'unsent' ? [] : [`host ${state.hostId ?? 'unknown'} may still carry out the command`];
  return accept(cancelled(operationId, left));
}

function cancelled(operationId: OperationId, left: string[]): VmFact {
  return { type: 'OperationCancelled', data: { operationId, by: 'user', undone: [], left } };
}

function notCancellable(operationId: OperationId, why: string): VmDecision {
  return reject(
    errors.OPERATION_NOT_CANCELLABLE(
      `operation ${operationId} ${why}; force-stop or delete the VM to supersede one that is open`,
      { data: { operationId } },
    ),
  );
}
