import {
  errors,
  compareGenerations,
  vmVerbs,
  type OrderFinished,
  type PowerState,
  type ReportSource,
  type VmFact,
} from '@drover/contracts';
import { pendingOrder } from '../process/host-order.process.js';
import { undoneFacts } from '../process/overdue.policy.js';
import { mayTryAnotherHost, refusalText } from '../process/placement.process.js';
import { failOperation } from '../vm/fail-operation.policy.js';
import { isOldReport, type OpenOperation, type VmState, type Wish } from '../vm/vm.state.js';
import { driftDifference, powerDifference, type Observation } from './power-difference.policy.js';

type Done = Extract<OrderFinished['result'], { kind: 'done' }>;
type Failed = Extract<OrderFinished['result'], { kind: 'failed' }>;

/**
 * What follows from a host's word that an order came to its end.
 *
 * What was observed is recorded whatever became of the operation meanwhile; the operation ends only by the order it waits
 * for. A report of another host, another generation or an older report changes nothing.
 */
export function settleCommandFinished(state: VmState, report: OrderFinished, source: ReportSource): readonly VmFact[] {
  if (state.phase !== 'present' || state.hostId !== source.hostId || state.generation === undefined) return [];
  if (compareGenerations(report.generation, state.generation) !== 0 || isOldReport(state, source)) return [];
  const { result } = report;
  const operation = state.operation;
  const isAwaited = operation !== undefined && pendingOrder(state)?.order.orderId === report.orderId;
  const left = leftOfRemoval(state, report);
  if (left !== undefined) return removed(operation, source, left);
  const observation = { hostId: source.hostId, generation: report.generation, source };
  const facts = [...observed(state, report, observation, isAwaited ? operation : undefined)];
  if (!isAwaited) return facts;
  if (result.kind === 'failed') return [...facts, ...failed(state, operation, result, report, source)];
  if (result.kind === 'done' && state.removals.includes(report.orderId)) {
    return [...facts, ...failed(state, operation, thereAgain, report, source)];
  }
  if (result.kind === 'done') return [...facts, succeeded(operation, [])];
  return [...facts, superseded(operation)];
}

function observed(
  state: VmState,
  report: OrderFinished,
  observation: Observation,
  awaited: OpenOperation | undefined,
): readonly VmFact[] {
  const { result, powerState } = report;
  const { source } = observation;
  if (result.kind !== 'done') return powerDifference(state, ofOurs(report), 'host', observation);
  const defined = definedFacts(state, result, observation, awaited !== undefined);
  const ran = startedAndGone(state, powerState, observation, awaited);
  const difference = ran ?? powerDifference(state, powerState, 'user', observation, result.wasForced);
  const deed = awaited === undefined ? [] : unseenDeed(awaited.wish, powerState, observation);
  const isMissing = powerState === 'ABSENT' && (state.definition ?? result.definition) !== undefined;
  return [
    ...defined,
    ...difference,
    ...deed,
    ...driftDifference(state, 'missing', isMissing, source, 'the host has no domain of this VM', 'ABSENT'),
    ...(powerState === 'UNRESPONSIVE' ? [] : driftDifference(state, 'untracked-process', false, source, '')),
  ];
}

/**
 * Only the order that is waited for settles a VM anew. The late end of one before may tell the first definition of all, without which
 * the VM would be made anew at its next start.
 */
function definedFacts(state: VmState, result: Done, observation: Observation, isAwaited: boolean): readonly VmFact[] {
  const { definition } = result;
  if (definition === undefined || (!isAwaited && state.definition !== undefined)) return [];
  const settled = driftDifference(state, 'edited', false, observation.source, '');
  if (definition.fingerprint === state.definition?.fingerprint) return settled;
  return [{ type: 'VmDefined', data: { ...observation, definition } }, ...settled];
}

/** What is done once leaves no power state that would tell of it. */
function unseenDeed({ kind }: Wish, powerState: PowerState, observation: Observation): readonly VmFact[] {
  if (kind === 'create') return [];
  const verb = vmVerbs[kind];
  if (!verb.isOnce || powerState !== verb.desired) return [];
  return [{ type: verb.ends, data: { ...observation, cause: 'user' } }];
}

/** A start that was done although the VM is stopped again: both happened, and both are recorded. */
function startedAndGone(
  state: VmState,
  powerState: OrderFinished['powerState'],
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
  report: OrderFinished,
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
  if (mayAskAgain(operation, error)) {
    const detail = `${step}: ${error.detail}`.slice(0, 1000);
    const delayed = { operationId, hostId: source.hostId, because: 'hypervisor-unavailable', detail } as const;
    return [{ type: 'OperationDelayed', data: delayed }];
  }
  const isUndone = left.length === 0 && ofOurs(report) === 'ABSENT';
  const refused = { hostId: source.hostId, step, code: error.code, detail: error.detail.slice(0, 500) };
  if (isUndone && mayTryAnotherHost(state, operation)) {
    const refusal = {
      hostId: source.hostId,
      hostName: source.hostId,
      filter: 'host-refused',
      detail: refused.detail,
      numbers: numbersOf(error.data),
    };
    return [{ type: 'VmPlacementFailed', data: { counts: { 'host-refused': 1 }, nearest: [refusal], refused } }];
  }
  const told = withEarlierRefusals(operation, error);
  const fact = failOperation(operation, { step, code: error.code, ...told, undone, left });
  // A create whose host has nothing left of it is as if it had never been asked.
  return operation.wish.kind === 'create' && isUndone ? [fact, { type: 'VmDeleted', data: { source } }] : [fact];
}

/**
 * What a removal has left: undefined where this is none, or the VM is not gone by it. After a removal whose place was taken, a later
 * order may have made the VM again since, and its own end says so.
 *
 * A host that could not look once more at its end has removed it all the same. A domain of somebody else with the VM's id is not the
 * VM: nothing of it is touched, and the VM is gone.
 */
function leftOfRemoval(state: VmState, report: OrderFinished): readonly string[] | undefined {
  const { result, powerState, orderId } = report;
  if (!state.removals.includes(orderId) || (state.wish?.cause.revision ?? 0) > report.revision) return undefined;
  if (isForeign(report)) return [foreignLeft(state)];
  const isGone = powerState === 'ABSENT' || powerState === 'UNRESPONSIVE';
  return result.kind === 'done' && isGone ? (result.left ?? []) : undefined;
}

function foreignLeft({ hostId }: VmState): string {
  return `host ${hostId ?? 'unknown'} has a domain with the id of this VM that is not of this fleet; it was left alone, and volumes of the VM may be left`;
}

/** The domain that has the VM's id on the host is not of this fleet. */
function isForeign({ result }: OrderFinished): boolean {
  return result.kind === 'failed' && result.error.code === 'DOMAIN_FOREIGN';
}

/** The power state of the VM: of somebody else's domain with its id nothing follows for it. */
function ofOurs(report: OrderFinished): PowerState {
  return isForeign(report) ? 'ABSENT' : report.powerState;
}

/** The end of the VM, whether or not an operation still waits for it. */
function removed(
  operation: OpenOperation | undefined,
  source: ReportSource,
  left: readonly string[],
): readonly VmFact[] {
  const deleted: VmFact = { type: 'VmDeleted', data: { source } };
  if (operation === undefined) return [deleted];
  const { undoing } = operation;
  if (undoing === undefined) return [succeeded(operation, left), deleted];
  return [
    ...undoneFacts(
      operation,
      undoing.because,
      [left.length === 0 ? 'domain and volumes removed' : 'domain removed'],
      [...left],
    ),
    deleted,
  ];
}

function succeeded({ operationId }: OpenOperation, left: readonly string[]): VmFact {
  return { type: 'OperationSucceeded', data: { operationId, ...(left.length === 0 ? {} : { left: [...left] }) } };
}

/** Somebody else made a domain with the VM's id while we removed ours. */
const thereAgain: Failed = {
  kind: 'failed',
  step: 'delete',
  error: errors.VM_WRONG_STATE('the VM was removed, and a domain with its id is there again'),
  undone: [],
  left: ['a domain with the id of the VM'],
};

function superseded(operation: OpenOperation): VmFact {
  const reason = 'the host took a newer order for this VM before this one was done';
  return failOperation(operation, { code: 'SUPERSEDED', reason });
}

/** How often a host that cannot reach its hypervisor is asked again: more than fit into the time of an operation. */
const MAX_DELAYS = 100;

/** Nothing was done, or doing it once more is as doing it once. */
function mayAskAgain({ wish, delays }: OpenOperation, { code, outcome }: Failed['error']): boolean {
  if (code !== 'HYPERVISOR_UNAVAILABLE' || delays >= MAX_DELAYS) return false;
  return outcome === 'not-applied' || wish.kind === 'create' || !vmVerbs[wish.kind].isOnce;
}

/** Each host that was tried has its reason told. */
function withEarlierRefusals({ refused }: OpenOperation, { detail, data }: Failed['error']) {
  if (refused.length === 0) return { reason: detail, ...(data === undefined ? {} : { data }) };
  return {
    reason: [detail, ...refused.map(refusalText)].join('; before, ').slice(0, 4000),
    data: { ...data, refused },
  };
}

function numbersOf(data: Readonly<Record<string, unknown>> | undefined): Record<string, number> {
  const numbers = Object.entries(data ?? {}).filter(([, value]) => typeof value === 'number');
  return Object.fromEntries(numbers) as Record<string, number>;
}
