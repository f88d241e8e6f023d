import type { OperationId } from '@drover/contracts';
import { accept } from '@drover/domain-kit';
import { begin } from './exclusivity.policy.js';
import type { Timeouts } from './timeouts.policy.js';
import type { VmDecision } from './vm-command.policy.js';
import type { VmState } from './vm.state.js';

/** A delete takes the place of any other operation, so that no VM can be held for ever. */
export function decideDelete(state: VmState, operationId: OperationId, timeouts: Timeouts): VmDecision {
  const decision = begin(state, {
    operationId,
    kind: 'vm.delete',
    timeoutMs: timeouts.deleteMs,
    wish: { type: 'VmDeleteRequested', data: {} },
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
