import {
  compareGenerations,
  type PowerState,
  type ReportSource,
  type VmFact,
  type VmStateReport,
} from '@drover/contracts';
import { pendingOrder } from '../process/host-order.process.js';
import { overdueFacts } from '../process/overdue.policy.js';
import { failOperation } from '../vm/fail-operation.policy.js';
import { isOldReport, type OpenOperation, type VmState, type Wish } from '../vm/vm.state.js';
import { powerDifference } from './power-difference.policy.js';

/**
 * The end of an operation whose time has passed, by what its host has (safety.md 15). What was done has succeeded, whatever the clock
 * says; only what was not done fails or is undone, and nothing that may run is undone.
 *
 * All that the host reported before stands before this in its lane, so the end of an order that is over would have been settled. What
 * an order that is still under way has made may be taken back by it, so nothing is done before its own end says so (ADR 19).
 */
export function settleVmState(state: VmState, report: VmStateReport, source: ReportSource): readonly VmFact[] {
  const { operation, generation, hostId } = state;
  if (state.phase !== 'present' || hostId !== source.hostId || generation === undefined) return [];
  if (operation === undefined || operation.undoing !== undefined || isOldReport(state, source)) return [];
  if (pendingOrder(state)?.order.orderId !== report.orderId) return [];
  const isOurs = report.generation !== undefined && compareGenerations(report.generation, generation) === 0;
  const powerState = isOurs || report.powerState === 'UNRESPONSIVE' ? report.powerState : 'ABSENT';
  const observation = { hostId, generation, source };
  const { definition, underWay } = report;
  const isSo = isDone(operation.wish, powerState);
  if (underWay === 'undoing') return [];
  if (underWay === 'forward' && (isSo || powerState === 'UNRESPONSIVE')) return [];
  const isDefined = isOurs && definition !== undefined && definition.fingerprint !== state.definition?.fingerprint;
  const facts: VmFact[] = [
    ...(isDefined ? [{ type: 'VmDefined', data: { ...observation, definition } } as const] : []),
    ...powerDifference(state, powerState, isSo ? 'user' : 'host', observation),
  ];
  if (isSo) {
    return [...facts, { type: 'OperationSucceeded', data: { operationId: operation.operationId } }];
  }
  if (powerState === 'UNRESPONSIVE') {
    const reason = `host ${hostId} has a hypervisor process of this VM that does not answer; it may run`;
    return [keptFact(operation, reason, powerState, `the VM may run on host ${hostId}; force-stop or delete it`)];
  }
  if (operation.wish.kind === 'create' && powerState !== 'ABSENT' && underWay === undefined) {
    const reason = `host ${hostId} has the VM, ${powerState}, and does not work on it any more`;
    return [...facts, keptFact(operation, reason, powerState, `the VM is on host ${hostId}; start or delete it`)];
  }
  return [...facts, ...overdueFacts({ ...state, observed: observedAs(powerState) }, operation)];
}

/** Whether what was asked for is so. A reboot and a reset leave nothing to see, and of a removed VM volumes may be left. */
function isDone(wish: Wish, powerState: PowerState): boolean {
  switch (wish.kind) {
    case 'create':
      // A guest that was started may have been paused since.
      return wish.powerOn ? isActive(powerState) : powerState === 'STOPPED';
    case 'start':
      return isActive(powerState);
    case 'resume':
      return powerState === 'RUNNING';
    case 'pause':
      return powerState === 'PAUSED';
    case 'stop':
      return powerState === 'STOPPED' || powerState === 'CRASHED' || powerState === 'ABSENT';
    case 'reboot':
    case 'reset':
    case 'delete':
      return false;
  }
}

function isActive(powerState: PowerState): boolean {
  return powerState === 'RUNNING' || powerState === 'PAUSED';
}

function observedAs(powerState: PowerState): NonNullable<VmState['observed']> {
  return powerState === 'RUNNING' || powerState === 'PAUSED' ? powerState : 'STOPPED';
}

/** Failed, and nothing is undone: what is there is for a person. */
function keptFact(operation: OpenOperation, reason: string, observed: PowerState, left: string): VmFact {
  return failOperation(operation, { code: 'OPERATION_OVERDUE', reason, data: { observed }, left: [left] });
}
