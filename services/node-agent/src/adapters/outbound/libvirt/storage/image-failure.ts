import path from 'node:path';
import { errors, Rejected, type Fault } from '@drover/contracts';
import { errorCode } from '@drover/domain-kit';
import { UnusableFile } from './image-file.adapter.js';

/** What became of a file of an image, as an operator reads it: it may not be used, or cannot be read. */
export function imageFailure(image: string, file: string, cause: unknown): Rejected | Fault {
  if (cause instanceof UnusableFile) return imageRefused(image, `${path.basename(file)}: ${cause.message}`, cause);
  const detail = `cannot read ${file}: ${errorCode(cause) ?? 'unknown reason'}`;
  return errors.IMAGE_UNREADABLE('not-applied', detail, { cause, data: { image } });
}

export function imageRefused(image: string, detail: string, cause?: unknown): Rejected {
  return new Rejected(errors.IMAGE_REFUSED(detail.slice(0, 500), { data: { image } }), { cause });
}
