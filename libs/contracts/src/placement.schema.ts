import { z } from 'zod';
import { numbersByName, MAX_NUMBER, MAX_SUM } from './bounds.schema.js';
import { hostIdSchema } from './ids.schema.js';

const scoreNumber = z.int().min(-MAX_NUMBER).max(MAX_NUMBER);

/** An explained score: integer parts that add up to `total`; the higher the better. */
export const scoreSchema = z.strictObject({
  total: scoreNumber,
  parts: numbersByName(scoreNumber),
});
export type Score = z.infer<typeof scoreSchema>;

/** Why one host was excluded: the filter and its numbers, e.g. `memory` with `neededMiB` and `freeMiB`. */
export const excludedHostSchema = z.strictObject({
  hostId: hostIdSchema,
  hostName: z.string().max(253),
  filter: z.string().max(50),
  detail: z.string().max(500),
  numbers: numbersByName(z.number().min(-MAX_SUM).max(MAX_SUM)),
});
export type ExcludedHost = z.infer<typeof excludedHostSchema>;
