import { z } from 'zod';
import { countSchema, sumSchema, text, timeSchema, numbersByName } from '../bounds.schema.js';
import { storedEventSchema, positionSchema } from '../events/envelope.schema.js';
import { hostIdSchema, projectIdSchema, vmIdSchema } from '../ids.schema.js';
import { MAX_PAGE, pageQuery, pageSchema, queryInt } from './conventions.schema.js';
import { allocatedSchema, livenessSchema } from './host.schema.js';

const capacitySchema = z.strictObject({
  cpus: sumSchema,
  /** Without what hosts keep for themselves. */
  memoryMiB: sumSchema,
});

export const clusterStatsSchema = z.strictObject({
  hosts: z.strictObject({ total: countSchema, alive: countSchema, suspected: countSchema, cordoned: countSchema }),
  vms: z.strictObject({
    total: countSchema,
    /** VMs per observed power state; `UNKNOWN` before the first report. */
    observed: numbersByName(countSchema),
    desired: numbersByName(countSchema),
    /** Domains marked as this fleet's that the store does not know. */
    strays: countSchema,
  }),
  allocated: allocatedSchema,
  capacity: capacitySchema,
  operations: z.strictObject({ open: countSchema }),
});
export type ClusterStats = z.infer<typeof clusterStatsSchema>;

export const distributionQuerySchema = z.strictObject(pageQuery);
export const hostShareSchema = z.strictObject({
  hostId: hostIdSchema,
  name: text(253),
  zone: text(63).nullable(),
  liveness: livenessSchema,
  isCordoned: z.boolean(),
  allocated: allocatedSchema,
  capacity: capacitySchema,
});
export type HostShare = z.infer<typeof hostShareSchema>;
export const distributionPageSchema = pageSchema(hostShareSchema);

const list = (item: z.ZodType<string, string>) =>
  z
    .string()
    .max(2000)
    .transform((text) => text.split(','))
    .pipe(z.array(item).min(1).max(50));

export const eventsQuerySchema = z.strictObject({
  /** Everything behind this position; `0` is the beginning. Absent: from now on (a stream) or from the beginning (a page). */
  from: positionSchema.optional(),
  /** Comma separated, e.g. `VmStarted,VmStopped`. */
  types: list(z.string().regex(/^[A-Z][A-Za-z0-9]{0,99}$/, 'must be event types')).optional(),
  /** Comma separated stream kinds, e.g. `vm,host`. */
  kinds: list(z.string().regex(/^[a-z]{1,30}$/, 'must be stream kinds')).optional(),
  project: projectIdSchema.optional(),
  vm: vmIdSchema.optional(),
  host: hostIdSchema.optional(),
  /** Of a JSON page. */
  limit: queryInt(1, 1000).optional(),
});
export type EventsQuery = z.output<typeof eventsQuerySchema>;

export const eventPageSchema = z.strictObject({
  items: z.array(storedEventSchema).max(MAX_PAGE),
  /** Give it back as `?from=`. */
  next: positionSchema,
  /** Nothing more stood in the store behind `next`. */
  isEnd: z.boolean(),
});

export const rebuildStatusSchema = z.strictObject({
  /** The model that is rebuilt, by the resource that it shows. */
  model: text(64),
  state: z.enum(['NEVER', 'RUNNING', 'SUCCEEDED', 'FAILED']),
  id: text(64).optional(),
  startedAt: timeSchema.optional(),
  endedAt: timeSchema.optional(),
  /** Events projected so far, and how many the read model in use holds. */
  projected: sumSchema,
  total: sumSchema,
  detail: text(4000).optional(),
});
export type RebuildStatus = z.infer<typeof rebuildStatusSchema>;

/** One model of the read model: the tables of one kind of resource. */
export const modelStatusSchema = z.strictObject({
  name: text(64),
  /** Of the newest event in it; null before the database has answered. */
  position: positionSchema.nullable(),
  /** Events that it was made of. */
  projected: sumSchema,
  /** Things that it does not show any further. */
  notShown: countSchema,
  /** Why it stands still; null where it moves. */
  failure: text(4000).nullable(),
  /** Why this process only reads it: a newer release writes it; null where this process writes it. */
  outdated: text(4000).nullable(),
  /** The newest rebuild by this process of api-gateway. */
  rebuild: rebuildStatusSchema,
});
export const modelListSchema = z.strictObject({ items: z.array(modelStatusSchema).max(100) });
export type ModelStatus = z.infer<typeof modelStatusSchema>;
