import type { OperationId, VmCommand } from '@drover/contracts';
import { accept } from '@drover/domain-kit';
import { begin, busy, isCertain, wrongState } from './exclusivity.policy.js';
import type { Certainty, DecisionContext, VmDecision } from './vm-command.policy.js';
import type { VmState } from './vm.state.js';

type GuestControl = VmCommand<'reboot' | 'reset' | 'pause' | 'resume'>;

/** Commands to a guest that is there: each needs one power state and is already so in another. */
export function decideGuestControl(
  state: VmState,
  command: GuestControl,
  operationId: OperationId,
  context: Certainty & Pick<DecisionContext, 'timeouts'>,
): VmDecision {
  if (state.operation !== undefined) return busy(state.operation);
  if (command.kind === 'resume') {
    if (state.observed === 'RUNNING' && state.desired === 'RUNNING' && isCertain(state, context)) return accept();
    if (state.observed !== 'PAUSED' && state.observed !== 'RUNNING') {
      return wrongState('the VM is not paused; start it', state);
    }
  } else {
    const isPaused = state.observed === 'PAUSED' && state.desired === 'PAUSED';
    if (command.kind === 'pause' && isPaused && isCertain(state, context)) return accept();
    if (state.observed === 'PAUSED' && command.kind !== 'pause')
      return wrongState('the VM is paused; resume it first', state);
    if (state.observed !== 'RUNNING' && state.observed !== 'PAUSED') {
      return wrongState('the VM is not running; start it first', state);
    }
  }
  return begin(state, {
    operationId,
    timeoutMs: context.timeouts.powerMs + (command.kind === 'reboot' ? command.gracePeriodMs : 0),
    wish: command,
    takesPlaceOf: () => false,
  });
}
