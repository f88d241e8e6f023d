import type { VmFact, VmId } from '@drover/contracts';
import { failWithoutHost } from '../vm/fail-operation.policy.js';
import type { OpenOperation, VmState } from '../vm/vm.state.js';

/**
 * The end of a create that was accepted although its name was taken: two writers overlapped at a change of the lease, and the
 * store's order says who came first. Nothing has been done for it yet.
 */
export function nameTakenFacts(state: VmState, operation: OpenOperation, holder: VmId): readonly VmFact[] {
  const name = state.identity?.name ?? '';
  return failWithoutHost(operation, {
    step: 'name',
    code: 'VM_NAME_TAKEN',
    reason: `the name ${name} was given to VM ${holder} just before; choose another name or delete that VM`,
    data: { vmId: holder },
  });
}
