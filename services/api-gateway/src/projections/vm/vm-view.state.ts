import {
  isVmPowerFact,
  isVmWish,
  powerStateSaidBy,
  vmVerbs,
  vmWishOf,
  type PowerCause,
  type PowerState,
  type StoredVmEvent,
  type VmView,
} from '@drover/contracts';
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
  if (isVmWish(event)) return desired(view, vmVerbs[vmWishOf(event).kind].desired);
  if (isVmPowerFact(event)) return observed(view, event, powerStateSaidBy(event), event.data.cause);
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
    case 'VmDeleted':
      return { ...desired(view, 'ABSENT'), drift: [], deletedAt: event.recordedAt };
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
