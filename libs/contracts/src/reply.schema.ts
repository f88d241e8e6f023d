import { z } from 'zod';
import { errorReportSchema } from './errors/catalogue.errors.js';

export const failedReplySchema = z.strictObject({
  ok: z.literal(false),
  /** Rejections are never retried; faults by `error.outcome`; defects are ours to mend. */
  kind: z.enum(['rejection', 'fault', 'defect']),
  error: errorReportSchema,
});

/** The answer to every request over NATS. */
export const replySchema = z.discriminatedUnion('ok', [
  z.strictObject({ ok: z.literal(true), value: z.unknown() }),
  failedReplySchema,
]);
export type Reply = z.infer<typeof replySchema>;

/** Headers that every message carries, in addition to the plain JSON payload. */
export const messageHeaders = {
  id: 'Drover-Id',
  operationId: 'Drover-Operation-Id',
  causationId: 'Drover-Causation-Id',
  traceparent: 'traceparent',
  /** Milliseconds the message is worth answering, from its first send on the sender's side, from receipt on the other. */
  ttlMs: 'Drover-Ttl-Ms',
} as const;
