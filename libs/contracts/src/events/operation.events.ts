import { z } from 'zod';
import { ordinalSchema, timeSchema } from '../bounds.schema.js';
import { errorCodeSchema, errorDataSchema } from '../errors/catalogue.errors.js';
import { hostIdSchema, operationIdSchema } from '../ids.schema.js';

/** An asynchronous request was taken; stands in the stream of the thing it works on. */
function operationBeganSchema<Kind extends string>(kinds: readonly Kind[]) {
  return z.strictObject({
    operationId: operationIdSchema,
    /** `vm.create`: the kind of the stream, and the verb. */
    kind: z.enum(kinds),
    /** Ends as failed, or as observed, this long after `recordedAt`. */
    timeoutMs: ordinalSchema,
    /** The operation whose place this one takes; that one ends as cancelled in the same append. */
    supersedes: operationIdSchema.optional(),
  });
}

export const operationSucceededSchema = z.strictObject({
  operationId: operationIdSchema,
  /** What is still there and goes by itself later, in words: volumes in a pool that is not active, say. Absent: nothing. */
  left: z.array(z.string().max(500)).min(1).max(50).optional(),
});

export const operationFailedSchema = z.strictObject({
  operationId: operationIdSchema,
  /** Which step failed, e.g. `place`, `create-volumes`, `define`, `start`. */
  step: z.string().max(100),
  code: errorCodeSchema,
  /** For the operator. */
  reason: z.string().max(4000),
  data: errorDataSchema.optional(),
  /** Steps that were undone, and what is left behind for a person, in words. */
  undone: z.array(z.string().max(200)).max(50),
  left: z.array(z.string().max(500)).max(50),
});

/**
 * The operation has to wait, and waits. `host-unheard`: its time has passed, and nothing is known of its host, so nothing is assumed
 * of it: it goes on when the host is heard again. `hypervisor-unavailable`: the agent did not reach its hypervisor; it is asked again.
 */
export const operationDelayedSchema = z.strictObject({
  operationId: operationIdSchema,
  hostId: hostIdSchema,
  because: z.enum(['host-unheard', 'hypervisor-unavailable']),
  /** By the writer's clock, for people: since when the host is not heard. Absent where it was not heard in this term at all. */
  since: timeSchema.optional(),
  /** For the operator. */
  detail: z.string().max(1000),
});

/** A person wants it ended, or its time has passed; what has been done is being undone. */
export const operationCancelRequestedSchema = z.strictObject({
  operationId: operationIdSchema,
  because: z.enum(['user', 'overdue']),
});

export const operationCancelledSchema = z.strictObject({
  operationId: operationIdSchema,
  by: z.enum(['user', 'superseded']),
  supersededBy: operationIdSchema.optional(),
  undone: z.array(z.string().max(200)).max(50),
  left: z.array(z.string().max(500)).max(50),
});

const sameOfAll = {
  OperationDelayed: operationDelayedSchema,
  OperationSucceeded: operationSucceededSchema,
  OperationFailed: operationFailedSchema,
  OperationCancelRequested: operationCancelRequestedSchema,
  OperationCancelled: operationCancelledSchema,
} as const;

export type OperationEventSchemas<Kind extends string> = {
  readonly OperationBegan: ReturnType<typeof operationBeganSchema<Kind>>;
} & typeof sameOfAll;

/** The events of operations in the streams of one kind, by what its operations do. */
export function operationEventSchemas<Kind extends string>(kinds: readonly Kind[]): OperationEventSchemas<Kind> {
  return { OperationBegan: operationBeganSchema(kinds), ...sameOfAll };
}
