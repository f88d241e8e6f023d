import { z } from 'zod';
import { countSchema, text, timeWithOffsetSchema, numbersByName } from '../bounds.schema.js';
import { driftKindSchema, powerCauseSchema } from '../events/vm.events.js';
import { operationKindSchema } from '../events/catalogue.events.js';
import { storedEventSchema } from '../events/envelope.schema.js';
import { powerStateSchema, settledDefinitionSchema } from '../host/observed-vm.schema.js';
import {
  generationSchema,
  hostIdSchema,
  operationIdSchema,
  projectIdSchema,
  vmIdSchema,
  vmNameSchema,
} from '../ids.schema.js';
import { excludedHostSchema, scoreSchema } from '../placement.schema.js';
import { labelKeySchema, labelValueSchema, vmSpecSchema } from '../vm-spec.schema.js';
import {
  MAX_PAGE,
  pageQuery,
  pageSchema,
  projectQuery,
  queryInt,
  notShownSchema,
  recordedTimeSchema,
} from './conventions.schema.js';

/** What a VM can be asked to be. */
export const desiredPowerStateSchema = z.enum(['RUNNING', 'STOPPED', 'PAUSED', 'ABSENT']);

export const createVmBodySchema = z.strictObject({
  name: vmNameSchema,
  project: projectIdSchema.optional(),
  spec: vmSpecSchema.prefault({}),
  /** Whether the VM is started once it is there. */
  powerOn: z.boolean().default(true),
});
export type CreateVmBody = z.input<typeof createVmBodySchema>;

/** Actions that take no parameters take an empty body, or none. */
export const emptyBodySchema = z.strictObject({});

/** `key=value`. */
const labelSelector = z
  .string()
  .max(200)
  .refine(
    (text) => {
      const [key, value, ...rest] = text.split('=');
      return labelKeySchema.safeParse(key).success && labelValueSchema.safeParse(value).success && rest.length === 0;
    },
    { error: 'must be key=value' },
  )
  .transform((text) => text.split('=') as [key: string, value: string]);

export const vmListQuerySchema = z.strictObject({
  ...pageQuery,
  ...projectQuery,
  name: vmNameSchema.optional(),
  /** Comma separated `key=value`; all must match. */
  labels: z
    .string()
    .max(4000)
    .transform((text) => text.split(','))
    .pipe(z.array(labelSelector).max(16))
    .optional(),
  host: hostIdSchema.optional(),
  observed: powerStateSchema.optional(),
  desired: desiredPowerStateSchema.optional(),
});
export type VmListQuery = z.output<typeof vmListQuerySchema>;

export const vmGetQuerySchema = z.strictObject({
  ...projectQuery,
  /** State as of this moment, from events alone. */
  at: timeWithOffsetSchema.optional(),
});

export const vmHistoryQuerySchema = z.strictObject({
  ...projectQuery,
  limit: queryInt(1, 1000).optional(),
  /** Revision after which to begin. */
  after: queryInt(0, 999_999_999).optional(),
});

export const placementQuerySchema = z.strictObject({
  ...projectQuery,
  limit: queryInt(1, 500).optional(),
  after: hostIdSchema.optional(),
});

export const driftSchema = z.strictObject({
  /** `power`: desired and observed power state differ while no operation works on it. */
  kind: z.enum(['power', ...driftKindSchema.options]),
  hostId: hostIdSchema.optional(),
  detail: text(1000),
  at: recordedTimeSchema,
});

export const vmResourceSchema = z.strictObject({
  id: vmIdSchema,
  name: vmNameSchema,
  project: projectIdSchema,
  spec: vmSpecSchema,
  desired: z.strictObject({ powerState: desiredPowerStateSchema }),
  /** Null before any host has reported. */
  observed: z
    .strictObject({
      powerState: powerStateSchema,
      at: recordedTimeSchema,
      hostId: hostIdSchema,
      cause: powerCauseSchema.optional(),
    })
    .nullable(),
  drift: z.array(driftSchema).max(MAX_PAGE),
  placement: z
    .strictObject({
      hostId: hostIdSchema,
      generation: generationSchema,
      score: scoreSchema,
      runnersUp: z.array(z.strictObject({ hostId: hostIdSchema, score: scoreSchema })).max(5),
      at: recordedTimeSchema,
    })
    .nullable(),
  /** The newest attempt, when it found no host. */
  placementFailure: z
    .strictObject({
      counts: numbersByName(countSchema),
      nearest: z.array(excludedHostSchema).max(20),
      at: recordedTimeSchema,
    })
    .nullable(),
  /** As the hypervisor settled it. */
  definition: settledDefinitionSchema.nullable(),
  /** The operation that holds the VM. */
  operation: z.strictObject({ id: operationIdSchema, kind: operationKindSchema }).nullable(),
  /** Absent but where something went wrong with showing it. */
  notShown: notShownSchema.optional(),
  /** Of the newest event of the VM's stream. */
  revision: countSchema,
  createdAt: recordedTimeSchema,
  updatedAt: recordedTimeSchema,
  deletedAt: recordedTimeSchema.nullable(),
});
export type VmResource = z.infer<typeof vmResourceSchema>;
/** A VM as its events tell it: drift of the power state, which follows from the rest, is left out. */
export type VmView = VmResource;

export const vmPageSchema = pageSchema(vmResourceSchema);

export const vmHistorySchema = z.strictObject({
  items: z.array(storedEventSchema).max(MAX_PAGE),
  /** Revision to go on after; absent on the last page. */
  next: countSchema.optional(),
});
