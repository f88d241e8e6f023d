import { z } from 'zod';
import type { ErrorCode } from './errors/catalogue.errors.js';
import { knownError } from './errors/known-error.codec.js';
import { loosely } from './loose.codec.js';
import { failedReplySchema, replySchema, type Reply } from './reply.schema.js';

const reader = loosely(replySchema);
const written = z.looseObject({ kind: failedReplySchema.shape.kind, error: z.record(z.string(), z.unknown()) });

/** What each kind of failure is called whose own code this release does not know: a no stays a no, and what may be repeated is. */
const unknownCode = {
  rejection: 'REFUSED_BY_NEWER_RELEASE',
  fault: 'FAILED_AT_NEWER_RELEASE',
  defect: 'INTERNAL',
} as const satisfies Record<z.infer<typeof written>['kind'], ErrorCode>;

/**
 * A reply as a service or an agent of this release or another wrote it: unknown fields are dropped, and an error with an unknown code
 * keeps its kind, its outcome and its text.
 */
export function readReply(reply: unknown): z.ZodSafeParseResult<Reply> {
  const failed = written.safeParse(reply).data;
  if (failed === undefined) return reader.safeParse(reply);
  return reader.safeParse({ ...failed, error: knownError(failed.error, unknownCode[failed.kind]) });
}
