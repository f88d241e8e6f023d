import { compareGenerations, type CommandFinished, type ReportSource, type VmFact } from '@drover/contracts';
import { pendingCommand } from '../process/host-command.process.js';
import { undoneFacts } from '../process/overdue.policy.js';
import { mayTryAnotherHost } from '../process/placement.process.js';
import { isOldReport, type OpenOperation, type VmState } from '../vm/vm.state.js';
import { driftDifference, powerDifference, type Observation } from './power-difference.policy.js';

type Done = Extract<CommandFinished['result'], { kind: 'done' }>;
type Failed = Extract<CommandFinished['result'], { kind: 'failed' }>;

/**
 * What follows from a host's word that a command came to its end.
 *
 * What was observed is recorded whatever became of the operation meanwhile; the operation ends only by the command it waits
 * for. A report of another host, another generation or an older report changes nothing.
 */
export function settleCommandFinished(
  state: VmState,
  report: CommandFinished,
  source: ReportSource,
): readonly VmFact[] {
  if (state.phase !== 'present' || state.hostId !== source.hostId || state.generation === undefined) return [];
  if (compareGenerations(report.generation, state.generation) !== 0 || isOldReport(state, source)) return [];
  const { result } = report;
  const operation = state.operation;
  const isAwaited = operation !== undefined && pendingCommand(state)?.command.commandId === report.commandId;
  if (isRemoval(state, report)) return removed(operation, result.kind === 'done' ? (result.left ?? []) : [], source);
  const observation = { hostId: source.hostId, generation: report.generation, source };
  const facts = [...observed(state, report, observation, isAwaited ? operation : undefined)];
  if (!isAwaited) return facts;
  if (result.kind === 'failed') return [...facts, ...failed(state, operation, result, report, source)];
  if (result.kind === 'done' && state.removals.includes(report.commandId)) {
    return [...facts, ...failed(state, operation, thereAgain, report, source)];
  }
  if (result.kind === 'done')
    return [...facts, { type: 'OperationSucceeded', data: { operationId: operation.operationId } }];
  return [...facts, superseded(operation)];
}

function observed(
  state: VmState,
  report: CommandFinished,
  observation: Observation,
  awaited: OpenOperation | undefined,
): readonly VmFact[] {
  const { result, powerState } = report;
  const { source } = observation;
  if (result.kind !== 'done') return powerDifference(state, powerState, 'host', observation);
  const defined = definedFacts(state, result, observation);
  const ran = startedAndGone(state, powerState, observation, awaited);
  const difference = ran ?? powerDifference(state, powerState, 'user', observation, result.wasForced);
  const deed: VmFact[] = [];
  if (powerState === 'RUNNING' && awaited?.kind === 'vm.reboot') {
    deed.push({ type: 'VmRebooted', data: { ...observation, cause: 'user' } });
  } else if (powerState === 'RUNNING' && awaited?.kind === 'vm.reset') {
    deed.push({ type: 'VmReset', data: { ...observation, cause: 'user' } });
  }
  const isMissing = powerState === 'ABSENT' && (state.definition ?? result.definition) !== undefined;
  return [
    ...defined,
    ...difference,
    ...deed,
    ...driftDifference(state, 'missing', isMissing, source, 'the host has no domain of this VM', 'ABSENT'),
    ...(powerState === 'UNRESPONSIVE' ? [] : driftDifference(state, 'untracked-process', false, source, '')),
  ];
}

function definedFacts(state: VmState, result: Done, observation: Observation): readonly VmFact[] {
  const { definition } = result;
  if (definition === undefined) return [];
  const settled = driftDifference(state, 'edited', false, observation.source, '');
  if (definition.fingerprint === state.definition?.fingerprint) return settled;
  return [{ type: 'VmDefined', data: { ...observation, definition } }, ...settled];
}

/** A start that was done although the VM is stopped again: both happened, and both are recorded. */
function startedAndGone(
  state: VmState,
  powerState: CommandFinished['powerState'],
  observation: Observation,
  awaited: OpenOperation | undefined,
): readonly VmFact[] | undefined {
  const wish = awaited?.wish;
  const isStart = wish?.kind === 'start' || (wish?.kind === 'create' && wish.powerOn);
  const isGone = powerState === 'STOPPED' || powerState === 'CRASHED';
  if (!isStart || !isGone || state.observed === 'RUNNING') return undefined;
  const cause = powerState === 'CRASHED' ? 'crash' : 'guest';
  return [
    { type: 'VmStarted', data: { ...observation, cause: 'user' } },
    { type: 'VmStopped', data: { ...observation, cause, wasForced: false } },
  ];
}

function failed(
  state: VmState,
  operation: OpenOperation,
  result: Failed,
  report: CommandFinished,
  source: ReportSource,
): readonly VmFact[] {
  const { operationId } = operation;
  const { step, error, undone, left } = result;
  if (operation.undoing !== undefined) {
    return undoneFacts(
      operation,
      operation.undoing.because,
      undone,
      [`the undo failed at ${step} on host ${source.hostId}: ${error.detail}`.slice(0, 500), ...left].slice(0, 50),
    );
  }
  const isUndone = left.length === 0 && report.powerState === 'ABSENT';
  const isFull = error.code === 'HOST_FULL' || error.code === 'POOL_FULL';
  if (isFull && isUndone && mayTryAnotherHost(state, operation)) {
    const refusal = {
      hostId: source.hostId,
      hostName: source.hostId,
      filter: 'host-refused',
      detail: error.detail.slice(0, 500),
      numbers: numbersOf(error.data),
    };
    return [{ type: 'VmPlacementFailed', data: { counts: { 'host-refused': 1 }, nearest: [refusal] } }];
  }
  const fact: VmFact = {
    type: 'OperationFailed',
    data: {
      operationId,
      step,
      code: error.code,
      reason: error.detail,
      ...(error.data === undefined ? {} : { data: error.data }),
      undone,
      left,
    },
  };
  // A create whose host has nothing left of it is as if it had never been asked.
  return operation.wish.kind === 'create' && isUndone ? [fact, { type: 'VmDeleted', data: { source } }] : [fact];
}

/**
 * Whether domain and volumes are gone by the newest command there is, also where the host could not look once more at its end.
 * After a removal whose place was taken, a later command may have made the VM again by now, and its own end tells.
 */
function isRemoval(state: VmState, report: CommandFinished): boolean {
  const isGone = report.powerState === 'ABSENT' || report.powerState === 'UNRESPONSIVE';
  if (report.result.kind !== 'done' || !isGone) return false;
  return state.removals.includes(report.commandId) && (state.wish?.cause.revision ?? 0) <= report.revision;
}

/** The end of the VM, whether or not an operation still waits for it. */
function removed(operation: OpenOperation | undefined, left: string[], source: ReportSource): readonly VmFact[] {
  const deleted: VmFact = { type: 'VmDeleted', data: { source } };
  if (operation === undefined) return [deleted];
  const { operationId, undoing } = operation;
  if (undoing === undefined) {
    const data = { operationId, ...(left.length === 0 ? {} : { left }) };
    return [{ type: 'OperationSucceeded', data }, deleted];
  }
  const undone = left.length === 0 ? 'domain and volumes removed' : 'domain removed';
  return [...undoneFacts(operation, undoing.because, [undone], left), deleted];
}

/** Somebody else made a domain with the VM's id while we removed ours. */
const thereAgain: Failed = {
  kind: 'failed',
  step: 'delete',
  error: { code: 'VM_WRONG_STATE', detail: 'the VM was removed, and a domain with its id is there again' },
  undone: [],
  left: ['a domain with the id of the VM'],
};

function superseded(operation: OpenOperation): VmFact {
  return {
    type: 'OperationFailed',
    data: {
      operationId: operation.operationId,
      step: operation.wish.kind,
      code: 'SUPERSEDED',
      reason: 'the host took a newer command for this VM before this one was done',
      undone: [],
      left: [],
    },
  };
}

function numbersOf(data: Readonly<Record<string, unknown>> | undefined): Record<string, number> {
  const numbers = Object.entries(data ?? {}).filter(([, value]) => typeof value === 'number');
  return Object.fromEntries(numbers) as Record<string, number>;
}
