import {
  DEFAULT_PROJECT,
  isKnownEvent,
  streamSubjectId,
  type OperationId,
  type OperationView,
  type StoredEvent,
  type StoredVmEvent,
  type VmId,
  type VmView,
} from '@drover/contracts';

export type OperationEvent = Extract<StoredVmEvent, { readonly data: { readonly operationId: unknown } }>;

export function isOperationEvent(event: StoredVmEvent): event is OperationEvent {
  return event.type.startsWith('Operation');
}

/** The view after one more of the operation's events; undefined where its beginning was never seen. */
export function evolveOperation(
  view: OperationView | undefined,
  event: OperationEvent,
  vm: VmView | undefined,
): OperationView | undefined {
  if (event.type === 'OperationBegan') return began(event, vm);
  return view === undefined ? undefined : applied(view, event);
}

function began(event: Extract<OperationEvent, { type: 'OperationBegan' }>, vm: VmView | undefined): OperationView {
  const { operationId, kind, timeoutMs, supersedes } = event.data;
  return {
    id: operationId,
    kind,
    state: 'RUNNING',
    project: vm?.project ?? event.meta.projectId ?? DEFAULT_PROJECT,
    vm: { id: streamSubjectId(event.stream) as VmId, name: vm?.name ?? '' },
    actor: event.meta.actor,
    beganAt: event.recordedAt,
    dueAt: new Date(Date.parse(event.recordedAt) + timeoutMs).toISOString(),
    endedAt: null,
    delay: null,
    supersedes: supersedes ?? null,
    supersededBy: null,
    error: null,
    undone: [],
    left: [],
    ...(event.meta.requestDigest === undefined ? {} : { requestDigest: event.meta.requestDigest }),
  };
}

function applied(view: OperationView, event: Exclude<OperationEvent, { type: 'OperationBegan' }>): OperationView {
  switch (event.type) {
    case 'OperationCancelRequested':
      return view.endedAt === null ? { ...view, state: 'CANCELLING', delay: null } : view;
    case 'OperationDelayed': {
      const { because, hostId, since, detail } = event.data;
      const delay = { because, hostId, since: since ?? null, detail, at: event.recordedAt };
      return view.endedAt === null ? { ...view, delay } : view;
    }
    case 'OperationSucceeded': {
      const { left = [] } = event.data;
      return { ...view, state: 'SUCCEEDED', endedAt: event.recordedAt, delay: null, left };
    }
    case 'OperationFailed': {
      const { step, code, reason, data, undone, left } = event.data;
      const error = { code, step, detail: reason, ...(data === undefined ? {} : { data }) };
      return { ...view, state: 'FAILED', endedAt: event.recordedAt, delay: null, error, undone, left };
    }
    case 'OperationCancelled': {
      const { supersededBy, undone, left } = event.data;
      return {
        ...view,
        state: 'CANCELLED',
        endedAt: event.recordedAt,
        delay: null,
        supersededBy: supersededBy ?? null,
        undone,
        left,
      };
    }
  }
}

/** Operations that these events have ended. */
export function endedIn(events: readonly StoredEvent[]): readonly OperationId[] {
  return events.flatMap((event) =>
    isKnownEvent(event) && ends.has(event.type) ? [(event as OperationEvent).data.operationId] : [],
  );
}

const ends: ReadonlySet<string> = new Set(['OperationSucceeded', 'OperationFailed', 'OperationCancelled']);
