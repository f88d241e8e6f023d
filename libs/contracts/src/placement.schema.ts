import { z } from 'zod';
import { hostIdSchema } from './ids.schema.js';

/** An explained score: integer parts that add up to `total`; the higher the better. */
export const scoreSchema = z.strictObject({
  total: z.int(),
  parts: z.record(z.string(), z.int()),
});
export type Score = z.infer<typeof scoreSchema>;

/** Why one host was excluded: the filter and its numbers, e.g. `memory` with `neededMiB` and `freeMiB`. */
export const refusalSchema = z.strictObject({
  hostId: hostIdSchema,
  hostName: z.string().max(253),
  filter: z.string().max(50),
  detail: z.string().max(500),
  numbers: z.record(z.string(), z.number()),
});
export type Refusal = z.infer<typeof refusalSchema>;
