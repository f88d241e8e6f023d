import { assertNever } from '@drover/domain-kit';
import { compareGenerations, type ReportSource, type VmChanged, type VmFact } from '@drover/contracts';
import { isMade, isOldReport, type VmState } from '../vm/vm.state.js';
import { driftDifference, ioErrorDifference, powerDifference } from './power-difference.policy.js';

/** What follows from a change that no order of ours made. It is taken as it is; nothing is put back. */
export function settleVmChanged(state: VmState, report: VmChanged, source: ReportSource): readonly VmFact[] {
  // Before its first definition a VM's changes are those of its making, and the end of that tells them.
  if (state.phase !== 'present' || state.hostId !== source.hostId || !isMade(state)) return [];
  if (state.generation === undefined || compareGenerations(report.generation, state.generation) !== 0) return [];
  if (isOldReport(state, source)) return [];
  const { cause } = report;
  const observation = { hostId: source.hostId, generation: report.generation, source };
  switch (report.change) {
    case 'started':
    case 'resumed':
      return powerDifference(state, 'RUNNING', cause, observation);
    case 'rebooted':
      return [{ type: 'VmRebooted', data: { ...observation, cause, ...countOf(report) } }];
    case 'stopped':
      return powerDifference(state, 'STOPPED', cause, observation);
    case 'crashed':
      return powerDifference(state, 'CRASHED', 'crash', observation);
    case 'paused':
      return powerDifference(state, 'PAUSED', cause, observation);
    case 'io-error':
      return report.powerState === 'PAUSED' ? ioErrorDifference(state, cause, observation) : [];
    case 'removed':
      return [
        ...powerDifference(state, 'ABSENT', cause, observation),
        ...driftDifference(state, 'missing', true, source, 'the domain was removed on the host', 'ABSENT'),
      ];
    default:
      return assertNever(report.change);
  }
}

function countOf({ count }: VmChanged): { readonly count?: number } {
  return count === undefined ? {} : { count };
}
