import type { PowerCause, PowerState, StoredVmEvent, VmView } from '@drover/contracts';
import { assertNever } from '@drover/domain-kit';

/**
 * The view after one more event of the VM's stream; undefined while the VM was never requested.
 *
 * The same fold makes the rows of the read model and answers `?at=`.
 */
export function evolveVm(view: VmView | undefined, event: StoredVmEvent): VmView | undefined {
  const next = view === undefined ? requested(event) : applied(view, event);
  return next === undefined ? undefined : { ...next, revision: event.revision, updatedAt: event.recordedAt };
}

function requested(event: StoredVmEvent): VmView | undefined {
  if (event.type !== 'VmRequested') return undefined;
  const { vmId, projectId, name, spec, powerOn } = event.data;
  return {
    id: vmId,
    name,
    project: projectId,
    spec,
    desired: { powerState: powerOn ? 'RUNNING' : 'STOPPED' },
    observed: null,
    drift: [],
    placement: null,
    placementFailure: null,
    definition: null,
    operation: null,
    revision: event.revision,
    createdAt: event.recordedAt,
    updatedAt: event.recordedAt,
    deletedAt: null,
  };
}

function applied(view: VmView, event: StoredVmEvent): VmView {
  switch (event.type) {
    case 'VmRequested':
      return view;
    case 'VmPlaced': {
      const { hostId, generation, score, runnersUp } = event.data;
      const placement = { hostId, generation, score, runnersUp, at: event.recordedAt };
      return { ...view, placement, placementFailure: null };
    }
    case 'VmPlacementFailed':
      return { ...view, placement: null, placementFailure: { ...event.data, at: event.recordedAt } };
    case 'VmDefined': {
      const defined = { ...view, definition: event.data.definition };
      return view.observed === null ? observed(defined, event, 'STOPPED') : defined;
    }
    case 'VmStartRequested':
    case 'VmResumeRequested':
    case 'VmRebootRequested':
    case 'VmResetRequested':
      return desired(view, 'RUNNING');
    case 'VmStopRequested':
      return desired(view, 'STOPPED');
    case 'VmPauseRequested':
      return desired(view, 'PAUSED');
    case 'VmDeleteRequested':
      return desired(view, 'ABSENT');
    case 'VmStarted':
    case 'VmResumed':
    case 'VmRebooted':
    case 'VmReset':
      return observed(view, event, 'RUNNING', event.data.cause);
    case 'VmStopped':
      return observed(view, event, 'STOPPED', event.data.cause);
    case 'VmPaused':
      return observed(view, event, 'PAUSED', event.data.cause);
    case 'VmDeleted':
      return { ...desired(view, 'ABSENT'), deletedAt: event.recordedAt };
    case 'VmDriftFound': {
      const { kind, hostId, detail } = event.data;
      return { ...view, drift: [...withoutDrift(view, event.data), { kind, hostId, detail, at: event.recordedAt }] };
    }
    case 'VmOrderLoweringRequested':
      return view;
    case 'VmDriftSettled':
      return { ...view, drift: withoutDrift(view, event.data) };
    case 'OperationBegan':
      return { ...view, operation: { id: event.data.operationId, kind: event.data.kind } };
    case 'OperationSucceeded':
    case 'OperationFailed':
    case 'OperationCancelled':
      return view.operation?.id === event.data.operationId ? { ...view, operation: null } : view;
    case 'OperationCancelRequested':
    case 'OperationDelayed':
      return view;
    default:
      return assertNever(event);
  }
}

function desired(view: VmView, powerState: VmView['desired']['powerState']): VmView {
  return { ...view, desired: { powerState } };
}

function observed(
  view: VmView,
  event: { readonly recordedAt: string; readonly data: { readonly hostId: NonNullable<VmView['observed']>['hostId'] } },
  powerState: PowerState,
  cause?: PowerCause,
): VmView {
  const { hostId } = event.data;
  const seen = { powerState, at: event.recordedAt, hostId, ...(cause === undefined ? {} : { cause }) };
  return { ...view, observed: seen };
}

function withoutDrift(view: VmView, settled: { readonly kind: string; readonly hostId: string }): VmView['drift'] {
  return view.drift.filter((known) => known.kind !== settled.kind || known.hostId !== settled.hostId);
}
