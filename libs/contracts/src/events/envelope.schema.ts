import { z } from 'zod';
import { countSchema, ordinalSchema, timeSchema } from '../bounds.schema.js';
import { eventIdSchema, operationIdSchema, projectIdSchema, type EventId } from '../ids.schema.js';

/**
 * Place of an event in the whole store. Opaque and ordered: compare with `comparePositions`, do no arithmetic on it.
 *
 * One or more decimal numbers joined by `.`; `START` is before every event.
 */
export const positionSchema = z
  .string()
  .regex(/^\d{1,19}(\.\d{1,19})?$/, 'must be a position as an event or a Drover-Position header gave it')
  .brand<'Position'>();
export type Position = z.infer<typeof positionSchema>;
export const START = positionSchema.parse('0');

/** Negative when `a` is before `b`, 0 when equal, positive when after. */
export function comparePositions(a: Position, b: Position): number {
  if (a === b) return 0;
  const left = a.split('.');
  const right = b.split('.');
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const l = left[index] ?? '0';
    const r = right[index] ?? '0';
    if (l.length !== r.length) return l.length - r.length;
    if (l !== r) return l < r ? -1 : 1;
  }
  return 0;
}

/** Who caused an event. `reason` is the person's own words; secrets never stand here. */
export const actorSchema = z.strictObject({
  kind: z.enum(['user', 'service', 'host']),
  id: z.string().min(1).max(200),
  onBehalfOf: z.string().max(200).optional(),
  sourceIp: z.string().max(64).optional(),
  requestId: z.string().max(200).optional(),
  reason: z.string().max(1000).optional(),
});
export type Actor = z.infer<typeof actorSchema>;

/** W3C Trace Context `traceparent`. */
export const traceparentSchema = z.string().regex(/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/);

export const eventMetaSchema = z.strictObject({
  /** What the writer's clock said, ISO 8601 UTC. Information only: order and `?at=` use `recordedAt`. */
  at: timeSchema,
  actor: actorSchema,
  projectId: projectIdSchema.optional(),
  operationId: operationIdSchema.optional(),
  /** Id of the command, report or event this one follows from. */
  causationId: z.string().max(200).optional(),
  traceparent: traceparentSchema.optional(),
  /** Of the command that this event follows from: a repeat under the same command id asks the same. */
  requestDigest: z
    .string()
    .regex(/^[0-9a-f]{32}$/, 'must be 32 hexadecimal digits')
    .optional(),
});
export type EventMeta = z.infer<typeof eventMetaSchema>;

/** An event before the store has taken it. */
export interface NewEvent<Type extends string = string, Data = unknown> {
  readonly id: EventId;
  readonly type: Type;
  readonly schemaVersion: number;
  readonly data: Data;
  readonly meta: EventMeta;
}

/** An event as stored: the envelope of architecture.md. */
export interface StoredEvent<Type extends string = string, Data = unknown> extends NewEvent<Type, Data> {
  /** `<kind>-<id>`, e.g. `vm-0199c4e2-…`. */
  readonly stream: string;
  /** Place in its stream, from 0, without gaps. */
  readonly revision: number;
  readonly position: Position;
  /** Given by the store, ISO 8601 UTC with milliseconds, never decreasing with the position. */
  readonly recordedAt: string;
}

/** Largest stored event, as JSON, in bytes. */
export const MAX_EVENT_BYTES = 256 * 1024;

export const streamNameSchema = z
  .string()
  .max(128)
  .regex(/^[a-z]+-[a-z0-9][a-z0-9-]*$/, 'must be <kind>-<id>');

/** `vm` of `vm-0199c4e2-…`. */
export function kindOfStream(stream: string): string {
  return stream.slice(0, stream.indexOf('-'));
}

/** `0199c4e2-…` of `vm-0199c4e2-…`. */
export function streamSubjectId(stream: string): string {
  return stream.slice(stream.indexOf('-') + 1);
}

export const storedEventSchema = z.strictObject({
  id: eventIdSchema,
  stream: streamNameSchema,
  revision: countSchema,
  position: positionSchema,
  recordedAt: timeSchema,
  type: z.string().min(1).max(100),
  schemaVersion: ordinalSchema,
  data: z.unknown(),
  meta: eventMetaSchema,
});
