import type { VmFact } from '@drover/contracts';
import { unheardFact } from './unheard.policy.js';
import { failOperation, failWithoutHost } from '../vm/fail-operation.policy.js';
import type { OpenOperation, VmState } from '../vm/vm.state.js';

/**
 * What to record when an operation's time has passed and its host, where it has one, has been asked what it has. A create that may
 * have begun there is undone first; anything else ends with what was observed, because the opposite of a late order may do more
 * harm than the order.
 */
export function overdueFacts(state: VmState, operation: OpenOperation): readonly VmFact[] {
  const { operationId, wish } = operation;
  if (wish.kind === 'create' && state.hostId !== undefined) {
    return [{ type: 'OperationCancelRequested', data: { operationId, because: 'overdue' } }];
  }
  return failWithoutHost(operation, {
    step: state.hostId === undefined ? 'place' : wish.kind,
    code: 'OPERATION_OVERDUE',
    reason:
      state.hostId === undefined
        ? 'no host was chosen in time'
        : `host ${state.hostId} did not report an end in time; last observed: ${state.observed ?? 'nothing'}`,
    data: { observed: state.observed ?? 'UNKNOWN' },
    left: state.hostId === undefined ? [] : [leftOf(state, wish.kind)],
  });
}

/** For an operation whose host cannot be heard, see `unheardFact`. */
export function unheardFacts(state: VmState, operation: OpenOperation, since: string | undefined): readonly VmFact[] {
  const { hostId } = state;
  return hostId === undefined ? [] : [unheardFact(operation.operationId, hostId, since, 'VM')];
}

/** The host did not confirm the undo in time: the operation ends, the VM stays until its host answers or a person deletes it. */
export function undoOverdueFacts(
  state: VmState,
  operation: OpenOperation,
  because: 'user' | 'overdue',
): readonly VmFact[] {
  return undoneFacts(
    operation,
    because,
    [],
    [
      `host ${state.hostId ?? 'unknown'} did not confirm that domain and volumes are gone; the VM is removed when it answers again`,
    ],
  );
}

/** The end of an operation that was undone, as the one who ended it reads it. */
export function undoneFacts(
  operation: OpenOperation,
  because: 'user' | 'overdue',
  undone: string[],
  left: string[],
): readonly VmFact[] {
  const { operationId } = operation;
  if (because === 'user') return [{ type: 'OperationCancelled', data: { operationId, by: 'user', undone, left } }];
  const reason = 'the VM was not there in time and was taken back';
  return [failOperation(operation, { code: 'OPERATION_OVERDUE', reason, undone, left })];
}

function leftOf(state: VmState, step: string): string {
  const host = state.hostId ?? 'unknown';
  if (step === 'delete') return `domain and volumes may still be on host ${host}; delete the VM again`;
  return `host ${host} may still carry out the ${step}; the VM shows what it then reports`;
}
