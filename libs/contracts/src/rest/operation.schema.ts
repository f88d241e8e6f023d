import { z } from 'zod';
import { text, timeSchema } from '../bounds.schema.js';
import { errorReportSchema } from '../errors/catalogue.errors.js';
import { actorSchema } from '../events/envelope.schema.js';
import { operationKindSchema } from '../events/catalogue.events.js';
import { operationDelayedSchema } from '../events/operation.events.js';
import { hostIdSchema, operationIdSchema, projectIdSchema, subjectIdSchema, vmIdSchema } from '../ids.schema.js';
import { notShownSchema, pageQuery, pageSchema, projectQuery, recordedTimeSchema } from './conventions.schema.js';
import { vmResourceSchema } from './vm.schema.js';

/** `CANCELLING`: asked to end; what has been done is being undone. The last three are ends. */
export const operationStateSchema = z.enum(['RUNNING', 'CANCELLING', 'SUCCEEDED', 'FAILED', 'CANCELLED']);

/** A literal query value: `true` or `false`. */
const queryBoolean = z.enum(['true', 'false']).transform((text) => text === 'true');

/** The kind of a stream: `vm`, `image`. */
const subjectKindSchema = z.string().regex(/^[a-z]{1,30}$/, 'must be a kind of thing, as vm');

export const operationListQuerySchema = z.strictObject({
  ...pageQuery,
  ...projectQuery,
  /** The id of the thing that it works on. */
  subject: subjectIdSchema.optional(),
  subjectKind: subjectKindSchema.optional(),
  kind: operationKindSchema.optional(),
  state: operationStateSchema.optional(),
  /** `true`: only those without an end; `false`: only ended ones. */
  open: queryBoolean.optional(),
});
export type OperationListQuery = z.output<typeof operationListQuerySchema>;

export const operationResourceSchema = z.strictObject({
  id: operationIdSchema,
  kind: operationKindSchema,
  state: operationStateSchema,
  project: projectIdSchema,
  /** The thing that it works on. */
  subject: z.strictObject({ kind: subjectKindSchema, id: subjectIdSchema, name: text(253) }),
  actor: actorSchema,
  beganAt: recordedTimeSchema,
  /**
   * When its time is over, as far as its host could be heard all along: time in which it could not does not count, and the undo of a
   * create takes more. Nothing is undone before the host was asked what it has.
   */
  dueAt: recordedTimeSchema,
  endedAt: recordedTimeSchema.nullable(),
  /** Why it has to wait now; null where it does not, and when it has ended. */
  delay: z
    .strictObject({
      because: operationDelayedSchema.shape.because,
      hostId: hostIdSchema,
      since: timeSchema.nullable(),
      detail: z.string().max(1000),
      at: recordedTimeSchema,
    })
    .nullable(),
  supersedes: operationIdSchema.nullable(),
  supersededBy: operationIdSchema.nullable(),
  /**
   * Why it failed. `step` names the step, `undone` and `left` what became of the earlier ones. A delete that succeeded may
   * have `left` too: the host goes on with that by itself.
   */
  error: errorReportSchema.extend({ step: text(100) }).nullable(),
  undone: z.array(text(200)).max(50),
  left: z.array(text(500)).max(50),
  /** Last heard of the work under way; not truth and gone when the operation has ended. */
  progress: z.strictObject({ percent: z.int().min(0).max(100), text: text(200) }).nullable(),
  /** Absent but where something went wrong with showing it. */
  notShown: notShownSchema.optional(),
});
export type OperationResource = z.infer<typeof operationResourceSchema>;
/** An operation as its events tell it: progress is none, and what was asked is kept so that a repeat is recognised. */
export type OperationView = Omit<OperationResource, 'progress'> & { readonly requestDigest?: string };

export const operationPageSchema = pageSchema(operationResourceSchema);

/** The answer to a write on a VM. */
export const vmWriteAnswerSchema = z.strictObject({
  /** Null where the wish was already so and nothing has to happen. */
  operation: z
    .union([
      operationResourceSchema,
      /** What can be said at once, before the read model shows it: follow `Location`. */
      z.strictObject({ id: operationIdSchema, kind: operationKindSchema }),
    ])
    .nullable(),
  vm: z.union([vmResourceSchema, z.strictObject({ id: vmIdSchema, name: text(253), project: projectIdSchema })]),
});
export type VmWriteAnswer = z.infer<typeof vmWriteAnswerSchema>;

export const hostWriteAnswerSchema = z.strictObject({
  operation: z.null(),
  host: z.strictObject({ id: hostIdSchema, name: text(253) }),
});
