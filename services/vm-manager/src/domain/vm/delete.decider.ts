import type { OperationId } from '@drover/contracts';
import { accept } from '@drover/domain-kit';
import { begin } from './exclusivity.policy.js';
import type { Timeouts } from './timeouts.policy.js';
import type { VmDecision } from './vm-command.policy.js';
import type { VmState } from './vm.state.js';

/** The operation that a delete of a VM that is being deleted joins. */
export function joinedByDelete({ operation }: VmState): OperationId | undefined {
  return operation?.kind === 'vm.delete' ? operation.operationId : undefined;
}

/** A delete takes the place of any operation but another delete, which it joins, so that no VM can be held for ever. */
export function decideDelete(state: VmState, operationId: OperationId, timeouts: Timeouts): VmDecision {
  if (joinedByDelete(state) !== undefined) return accept();
  const decision = begin(state, {
    operationId,
    timeoutMs: timeouts.deleteMs,
    wish: { kind: 'delete' },
    takesPlaceOf: () => true,
  });
  if (decision.kind === 'rejected' || state.hostId !== undefined) return decision;
  // No host was given this VM, or the last one confirmed that nothing is left there.
  return accept(
    ...decision.events,
    { type: 'OperationSucceeded', data: { operationId } },
    { type: 'VmDeleted', data: {} },
  );
}
