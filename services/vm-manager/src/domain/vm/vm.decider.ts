import { errors, keyReused, type VmCommand } from '@drover/contracts';
import { reject } from '@drover/domain-kit';
import { decideCancel } from './cancel.decider.js';
import { decideCreate } from './create.decider.js';
import { decideDelete } from './delete.decider.js';
import { decideGuestControl } from './guest-control.decider.js';
import { decideStart, decideStop } from './power.decider.js';
import { asksOtherwise, operationIdOf, type DecisionContext, type VmDecision } from './vm-command.policy.js';
import type { VmState } from './vm.state.js';

/**
 * What the rules say to a command on a VM. Accepted with no facts means that it is already so, or that this very command
 * was decided before.
 */
export function decide(state: VmState, command: VmCommand, context: DecisionContext): VmDecision {
  const operationId = operationIdOf(command);
  const known = state.knownOperations.find((one) => one.operationId === operationId);
  if (command.kind !== 'cancel' && asksOtherwise(command, known?.requestDigest)) return reject(keyReused);
  if (command.kind === 'create') return decideCreate(state, command, operationId, context);
  if (state.identity?.projectId !== command.projectId) {
    // A repeat finds its answer also when the VM has gone meanwhile.
    if (known !== undefined) {
      return command.kind === 'cancel' ? decideCancel(state, command, context) : { kind: 'accepted', events: [] };
    }
    return reject(errors.VM_NOT_FOUND(`project ${command.projectId} has no VM ${command.vmId}`));
  }
  if (command.kind === 'cancel') return decideCancel(state, command, context);
  if (known !== undefined) return { kind: 'accepted', events: [] };
  if (command.kind === 'start') return decideStart(state, operationId, context);
  if (command.kind === 'stop') return decideStop(state, command, operationId, context);
  if (command.kind === 'delete') return decideDelete(state, operationId, context.timeouts);
  return decideGuestControl(state, command, operationId, context);
}
