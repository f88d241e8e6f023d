import {
  DEFAULT_PROJECT,
  isKnownEvent,
  kindOfStream,
  streamSubjectId,
  type OperationId,
  type OperationView,
  type StoredEvent,
  type StoredVmEvent,
} from '@drover/contracts';

export type OperationEvent = Extract<StoredVmEvent, { readonly data: { readonly operationId: unknown } }>;

/** An operation as its own events tell it: they do not say what the thing is called that it works on. */
export type StoredOperation = Omit<OperationView, 'subject'> & {
  readonly subject: Omit<OperationView['subject'], 'name'>;
};

/** Whether this code knows the event as one of an operation, in a stream of whichever kind. */
export function isOperationEvent(event: StoredEvent): event is OperationEvent {
  return event.type.startsWith('Operation') && isKnownEvent(event);
}

/** The view after one more of the operation's events; undefined where its beginning was never seen. */
export function evolveOperation(view: StoredOperation | undefined, event: OperationEvent): StoredOperation | undefined {
  if (event.type === 'OperationBegan') return began(event);
  return view === undefined ? undefined : applied(view, event);
}

function began(event: Extract<OperationEvent, { type: 'OperationBegan' }>): StoredOperation {
  const { operationId, kind, timeoutMs, supersedes } = event.data;
  return {
    id: operationId,
    kind,
    state: 'RUNNING',
    project: event.meta.projectId ?? DEFAULT_PROJECT,
    subject: { kind: kindOfStream(event.stream), id: streamSubjectId(event.stream) },
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

function applied(view: StoredOperation, event: Exclude<OperationEvent, { type: 'OperationBegan' }>): StoredOperation {
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
  return events.flatMap((event) => (isOperationEvent(event) && ends.has(event.type) ? [event.data.operationId] : []));
}

const ends: ReadonlySet<string> = new Set(['OperationSucceeded', 'OperationFailed', 'OperationCancelled']);
