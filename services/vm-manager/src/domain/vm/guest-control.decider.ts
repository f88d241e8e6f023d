import type { OperationId, VmFact } from '@drover/contracts';
import { accept, assertNever } from '@drover/domain-kit';
import { begin, busy, isCertain, wrongState } from './exclusivity.policy.js';
import type { DecisionContext, VmCommand, VmDecision } from './vm-command.policy.js';
import type { VmState } from './vm.state.js';

type GuestControl = Extract<VmCommand, { verb: 'reboot' | 'reset' | 'pause' | 'resume' }>;
type WishFact = Extract<VmFact, { type: `Vm${string}Requested` }>;

/** Commands to a guest that is there: each needs one power state and is already so in another. */
export function decideGuestControl(
  state: VmState,
  command: GuestControl,
  operationId: OperationId,
  context: Pick<DecisionContext, 'timeouts' | 'isHostHeard'>,
): VmDecision {
  if (state.operation !== undefined) return busy(state.operation);
  if (command.verb === 'resume') {
    if (state.observed === 'RUNNING' && state.desired === 'RUNNING' && isCertain(state, context)) return accept();
    if (state.observed !== 'PAUSED' && state.observed !== 'RUNNING') {
      return wrongState('the VM is not paused; start it', state);
    }
  } else {
    const isPaused = state.observed === 'PAUSED' && state.desired === 'PAUSED';
    if (command.verb === 'pause' && isPaused && isCertain(state, context)) return accept();
    if (state.observed === 'PAUSED' && command.verb !== 'pause')
      return wrongState('the VM is paused; resume it first', state);
    if (state.observed !== 'RUNNING' && state.observed !== 'PAUSED') {
      return wrongState('the VM is not running; start it first', state);
    }
  }
  return begin(state, {
    operationId,
    kind: `vm.${command.verb}`,
    timeoutMs: context.timeouts.powerMs + (command.verb === 'reboot' ? command.gracePeriodMs : 0),
    wish: wishOf(command),
    takesPlaceOf: () => false,
  });
}

function wishOf(command: GuestControl): WishFact {
  switch (command.verb) {
    case 'reboot':
      return { type: 'VmRebootRequested', data: { gracePeriodMs: command.gracePeriodMs } };
    case 'reset':
      return { type: 'VmResetRequested', data: {} };
    case 'pause':
      return { type: 'VmPauseRequested', data: {} };
    case 'resume':
      return { type: 'VmResumeRequested', data: {} };
    default:
      return assertNever(command);
  }
}
