import type { ImageContents, ImageId, ImageSource, OperationId, ProjectId, StoredImageEvent } from '@drover/contracts';
import { assertNever } from '@drover/domain-kit';
import type { Cause } from '@drover/operations';

/** An image that is being registered. */
export interface Registration {
  readonly operationId: OperationId;
  /** The request. */
  readonly cause: Cause;
  /** `recordedAt` of `OperationBegan`, milliseconds since the Unix epoch. */
  readonly beganAtMs: number;
  readonly timeoutMs: number;
  /** It has been told that its time passed while its host was not heard. */
  readonly isUnheard: boolean;
  readonly traceparent?: string;
}

export interface ImageIdentity {
  readonly imageId: ImageId;
  readonly projectId: ProjectId;
  readonly name: string;
  readonly source: ImageSource;
}

/** The fold of one `image-*` stream. Kept after its end: a name that was registered once stays the catalogue's. */
export interface ImageState {
  /** `unknown`: never requested here. */
  readonly phase: 'unknown' | 'registering' | 'registered' | 'deleted';
  readonly identity?: ImageIdentity;
  /** There once it was registered, also after its end. */
  readonly contents?: ImageContents;
  readonly operation?: Registration;
  /** Of its registration, and how that ended where it did. */
  readonly registration?: {
    readonly operationId: OperationId;
    readonly requestDigest?: string;
    readonly isCancelled: boolean;
  };
  /** The request, which the operation's first order follows from. */
  readonly requested?: Cause;
}

export const noImage: ImageState = { phase: 'unknown' };

export function evolveImage(state: ImageState, event: StoredImageEvent): ImageState {
  switch (event.type) {
    case 'ImageRequested':
      return {
        ...state,
        phase: 'registering',
        identity: event.data,
        requested: { eventId: event.id, revision: event.revision },
      };
    case 'OperationBegan': {
      const { operationId, timeoutMs } = event.data;
      const { requestDigest, traceparent } = event.meta;
      const { requested } = state;
      if (requested === undefined) return state;
      return {
        ...state,
        registration: { operationId, isCancelled: false, ...(requestDigest === undefined ? {} : { requestDigest }) },
        operation: {
          ...{ operationId, cause: requested, beganAtMs: Date.parse(event.recordedAt), timeoutMs, isUnheard: false },
          ...(traceparent === undefined ? {} : { traceparent }),
        },
      };
    }
    case 'ImageRegistered':
      return { ...state, phase: 'registered', contents: event.data };
    case 'ImageDeleted':
      return { ...withoutOperation(state), phase: 'deleted' };
    case 'OperationDelayed':
      return state.operation === undefined ? state : { ...state, operation: { ...state.operation, isUnheard: true } };
    case 'OperationCancelRequested':
      return state;
    case 'OperationSucceeded':
    case 'OperationFailed':
      return withoutOperation(state);
    case 'OperationCancelled': {
      const { registration } = state;
      const ended = withoutOperation(state);
      return registration === undefined ? ended : { ...ended, registration: { ...registration, isCancelled: true } };
    }
    default:
      return assertNever(event);
  }
}

/** The state as the store's own copy of an event settles it: only that has `recordedAt`. */
export function confirmedImage(state: ImageState, event: StoredImageEvent): ImageState {
  const { operation } = state;
  if (event.type !== 'OperationBegan' || operation?.operationId !== event.data.operationId) return state;
  const beganAtMs = Date.parse(event.recordedAt);
  return operation.beganAtMs === beganAtMs ? state : { ...state, operation: { ...operation, beganAtMs } };
}

function withoutOperation(state: ImageState): ImageState {
  const { operation: _, ...rest } = state;
  return rest;
}
