import type { ImageView, StoredImageEvent } from '@drover/contracts';
import { assertNever } from '@drover/domain-kit';

/** The view after one more event of the image's stream; undefined while the image was never requested. */
export function evolveImage(view: ImageView | undefined, event: StoredImageEvent): ImageView | undefined {
  const next = view === undefined ? requested(event) : applied(view, event);
  return next === undefined ? undefined : { ...next, revision: event.revision, updatedAt: event.recordedAt };
}

function requested(event: StoredImageEvent): ImageView | undefined {
  if (event.type !== 'ImageRequested') return undefined;
  const { imageId, name, projectId, source } = event.data;
  return {
    id: imageId,
    name,
    project: projectId,
    state: 'REGISTERING',
    source,
    contents: null,
    operation: null,
    revision: event.revision,
    createdAt: event.recordedAt,
    registeredAt: null,
    updatedAt: event.recordedAt,
    deletedAt: null,
  };
}

function applied(view: ImageView, event: StoredImageEvent): ImageView {
  switch (event.type) {
    case 'ImageRequested':
    case 'OperationDelayed':
    case 'OperationCancelRequested':
      return view;
    case 'ImageRegistered':
      return { ...view, state: 'REGISTERED', contents: event.data, registeredAt: event.recordedAt };
    case 'ImageDeleted':
      return { ...view, state: 'DELETED', deletedAt: event.recordedAt };
    case 'OperationBegan':
      return { ...view, operation: { id: event.data.operationId, kind: 'image.register' } };
    case 'OperationSucceeded':
    case 'OperationFailed':
    case 'OperationCancelled':
      return { ...view, operation: null };
    default:
      return assertNever(event);
  }
}
