import { z } from 'zod';
import { countSchema } from '../bounds.schema.js';
import { MAX_STRAYS, straySchema } from '../events/strays.events.js';
import { hostIdSchema } from '../ids.schema.js';
import { notShownSchema, pageQuery, recordedTimeSchema } from './conventions.schema.js';

/** A domain of this fleet on a host whose VM is not there: nothing is done to it, a person settles it. */
export const strayViewSchema = z.strictObject({
  ...straySchema.shape,
  /** Since when it is recorded; its power state is of then. */
  at: recordedTimeSchema,
});
export type StrayView = z.infer<typeof strayViewSchema>;

/** The strays of one host, whose id it has. */
export const hostStraysSchema = z.strictObject({
  id: hostIdSchema,
  /** Newest last. */
  strays: z.array(strayViewSchema).max(MAX_STRAYS),
  /** How many more the host lists. */
  leftOut: countSchema,
  /** Absent but where something went wrong with showing them. */
  notShown: notShownSchema.optional(),
});
export type HostStrays = z.infer<typeof hostStraysSchema>;

export const strayListQuerySchema = z.strictObject(pageQuery);
export type StrayListQuery = z.output<typeof strayListQuerySchema>;
