import type { OperationResource, OperationView } from '@drover/contracts';
import type { ProgressBoard } from './progress-board.js';

/** An operation as a client is shown it: with what is heard of it while it is open, without what only recognises repeats. */
export function shownOperation(
  { requestDigest: _, ...operation }: OperationView,
  progress: Pick<ProgressBoard, 'of'>,
): OperationResource {
  return { ...operation, progress: operation.endedAt === null ? progress.of(operation.id) : null };
}
