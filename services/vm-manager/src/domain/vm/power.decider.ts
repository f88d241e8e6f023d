import type { OperationId, VmCommand } from '@drover/contracts';
import { accept } from '@drover/domain-kit';
import { begin, busy, isCertain, isRemoval, wrongState } from './exclusivity.policy.js';
import type { Certainty, DecisionContext, VmDecision } from './vm-command.policy.js';
import type { VmState } from './vm.state.js';

type Context = Certainty & Pick<DecisionContext, 'timeouts'>;

export function decideStart(state: VmState, operationId: OperationId, context: Context): VmDecision {
  const { timeouts } = context;
  if (state.operation !== undefined) return busy(state.operation);
  if (state.observed === 'PAUSED') return wrongState('the VM is paused; resume it', state);
  if (state.observed === 'RUNNING' && state.desired === 'RUNNING' && isCertain(state, context)) return accept();
  return begin(state, {
    operationId,
    // A VM that no host has yet is placed and made by its start.
    timeoutMs: state.definition === undefined ? timeouts.createMs : timeouts.powerMs,
    wish: { kind: 'start' },
    takesPlaceOf: () => false,
  });
}

/**
 * A forced stop takes the place of anything but a removal, a graceful one that of a start. What is being removed is being stopped
 * by that already; a stop in its place would leave the store with a VM of which the host has nothing (ADR 3).
 */
export function decideStop(
  state: VmState,
  command: Pick<VmCommand<'stop'>, 'mode' | 'gracePeriodMs'>,
  operationId: OperationId,
  context: Context,
): VmDecision {
  const { timeouts } = context;
  const { mode, gracePeriodMs } = command;
  const open = state.operation;
  const isRunning = state.observed === 'RUNNING' || state.observed === 'PAUSED';
  const isUntracked = state.drift.some(({ kind }) => kind === 'untracked-process');
  const isSo = !isRunning && !isUntracked && state.desired === 'STOPPED' && isCertain(state, context);
  if (open === undefined && isSo) return accept();
  if (open === undefined && mode === 'graceful' && state.observed === 'PAUSED') {
    return wrongState('a paused guest cannot shut down; resume the VM first, or force the stop', state);
  }
  const decision = begin(state, {
    operationId,
    timeoutMs: timeouts.powerMs + (mode === 'graceful' ? gracePeriodMs : 0),
    wish: { kind: 'stop', mode, gracePeriodMs },
    takesPlaceOf: (held) => !isRemoval(held) && (mode === 'force' || held.kind === 'vm.start'),
  });
  if (decision.kind === 'rejected' || state.hostId !== undefined) return decision;
  // No host was given this VM, so nothing can be running.
  return accept(...decision.events, { type: 'OperationSucceeded', data: { operationId } });
}
