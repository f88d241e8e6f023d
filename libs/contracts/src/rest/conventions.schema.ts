import { z } from 'zod';
import { text, timeSchema } from '../bounds.schema.js';
import { positionSchema } from '../events/envelope.schema.js';
import { errorCodeSchema, errorDataSchema } from '../errors/catalogue.errors.js';

import { hostNameSchema } from '../host/inventory.schema.js';
import { dnsLabelSchema, hostIdSchema, projectIdSchema, vmIdSchema } from '../ids.schema.js';

/** Headers of the API in addition to HTTP's own. */
export const restHeaders = {
  /** On answers: a read that sends it back shows at least what this answer told. On reads: wait (bounded) until then. */
  position: 'drover-position',
  idempotencyKey: 'idempotency-key',
  requestId: 'x-request-id',
} as const;

/**
 * Same principal, key and path with its project: the same command, even if the name in it belongs to another VM now. Once it was
 * accepted, a repeat that asks the same gets the first one's answer, and one that asks something else is refused (ADR 11).
 */
export const idempotencyKeySchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/, 'must be 1 to 200 printable ASCII characters without spaces');

/** A path segment that names a VM: its name (with `?project=`) or its id. */
export const vmRefSchema = z.union([dnsLabelSchema, vmIdSchema]);
/** A path segment that names a host: its id or its name. */
export const hostRefSchema = z.union([hostNameSchema, hostIdSchema]);

/** A whole number written in digits, as query strings carry it. */
export function queryInt(minimum: number, maximum: number) {
  return z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(minimum).max(maximum));
}

/** Milliseconds written as `500ms`, `30s` or `2m`. */
export function queryDuration(maximumMs: number) {
  return z
    .string()
    .max(8)
    .regex(/^\d{1,6}(ms|s|m)$/, 'must be a duration such as 500ms, 30s or 2m')
    .transform((text) => {
      const factor = text.endsWith('ms') ? 1 : text.endsWith('s') ? 1000 : 60_000;
      return Number.parseInt(text, 10) * factor;
    })
    .pipe(z.int().max(maximumMs));
}

/** Opaque; given back as `?after=` it continues where a page ended. */
export const cursorSchema = z
  .string()
  .max(1000)
  .regex(/^[A-Za-z0-9_-]+$/, 'must be a cursor as a page gave it');

export const MAX_PAGE = 1000;
export const pageQuery = {
  limit: queryInt(1, MAX_PAGE).optional(),
  after: cursorSchema.optional(),
};

export const projectQuery = { project: projectIdSchema.optional() };

/** How long an answer to a write may wait for its operation's end. */
export const MAX_WAIT_MS = 300_000;
export const waitQuery = { wait: queryDuration(MAX_WAIT_MS).optional() };

/** One page of a list; `next` is absent on the last one. */
export function pageSchema<Item extends z.ZodType>(item: Item) {
  return z.strictObject({ items: z.array(item).max(MAX_PAGE), next: cursorSchema.optional() });
}

/** RFC 9457 problem details. `type` and `code` are stable; `title` is the catalogue's sentence: what to do. */
export const problemSchema = z.strictObject({
  type: text(200),
  title: text(1000),
  status: z.int().min(400).max(599),
  /** This very request: what is wrong. */
  detail: text(4000),
  code: errorCodeSchema,
  /** JSON pointer of the first field to blame. */
  field: text(1000).optional(),
  errors: z
    .array(z.strictObject({ field: text(1000), detail: text(4000) }))
    .max(100)
    .optional(),
  data: errorDataSchema.optional(),
  requestId: text(200),
});
export type Problem = z.infer<typeof problemSchema>;

export const recordedTimeSchema = timeSchema;

/**
 * On a thing that is shown as it was: an event of it could not be taken into the read model. The event store has all of it; the
 * model shows it again once the code is mended and the model is built anew.
 */
export const notShownSchema = z.strictObject({ since: positionSchema, reason: text(500) });
