import { z } from 'zod';
import { countSchema, ordinalSchema, sumSchema, cpusSchema, text, mapOf, numbersByName } from '../bounds.schema.js';
import { hostIdSchema, reservationIdSchema, vmIdSchema } from '../ids.schema.js';
import { excludedHostSchema, scoreSchema } from '../placement.schema.js';
import { firmwareKindSchema } from '../host/inventory.schema.js';
import { imageRefSchema } from '../image-contents.schema.js';
import { labelsSchema, placementSchema, resourceNameSchema } from '../vm-spec.schema.js';

/** What a VM needs of a host. */
export const demandSchema = z.strictObject({
  vcpus: cpusSchema,
  memoryMiB: ordinalSchema,
  /** Per pool; 0 where only the pool must exist. */
  pools: mapOf(resourceNameSchema, sumSchema, 32),
  networks: z.array(resourceNameSchema).max(16),
  images: z.array(imageRefSchema).max(32),
  /** Disks that take their size from their image: how large that is, the host knows. Absent: none. */
  sizedByImage: z
    .array(z.strictObject({ pool: resourceNameSchema, image: imageRefSchema }))
    .max(32)
    .optional(),
  /** What it asks of the hypervisor; what it does not ask for is absent. */
  cpuModel: resourceNameSchema.optional(),
  firmware: firmwareKindSchema,
  tpmVersion: z.literal('2.0').optional(),
});
export type Demand = z.infer<typeof demandSchema>;

const asked = {
  vmId: vmIdSchema,
  demand: demandSchema,
  placement: placementSchema,
  labels: labelsSchema,
};

/** `drover.query.placement.place`: chooses a host and holds the capacity there. Repeated with the same reservation id it answers alike. */
export const placeQuerySchema = z.strictObject({
  ...asked,
  reservationId: reservationIdSchema,
  /** How long the capacity is held, counted by the asker from before it asked (safety.md 19). */
  ttlMs: z.int().min(1).max(600_000),
});
export type PlaceQuery = z.infer<typeof placeQuerySchema>;

export const placeAnswerSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('placed'),
    hostId: hostIdSchema,
    reservationId: reservationIdSchema,
    score: scoreSchema,
    runnersUp: z.array(z.strictObject({ hostId: hostIdSchema, score: scoreSchema })).max(5),
  }),
  z.strictObject({
    kind: z.literal('no-host-fits'),
    counts: numbersByName(countSchema),
    nearest: z.array(excludedHostSchema).max(20),
  }),
]);
export type PlaceAnswer = z.infer<typeof placeAnswerSchema>;

/** `drover.query.placement.explain`: what `place` would say now, every host listed, in pages; holds nothing. */
export const explainQuerySchema = z.strictObject({
  ...asked,
  afterHostId: hostIdSchema.optional(),
  limit: z.int().min(1).max(500),
});
export type ExplainQuery = z.infer<typeof explainQuerySchema>;

export const explainAnswerSchema = z.strictObject({
  /** Hosts that pass every filter first, best first, then the refused ones by id. */
  candidates: z
    .array(
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('fits'), hostId: hostIdSchema, hostName: text(253), score: scoreSchema }),
        z.strictObject({ kind: z.literal('refused'), ...excludedHostSchema.shape }),
      ]),
    )
    .max(500),
  total: countSchema,
  nextAfterHostId: hostIdSchema.optional(),
});
export type ExplainAnswer = z.infer<typeof explainAnswerSchema>;
