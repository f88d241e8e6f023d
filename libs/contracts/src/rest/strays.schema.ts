import { z } from 'zod';
import { countSchema, text } from '../bounds.schema.js';
import { MAX_STRAYS, straySchema } from '../events/strays.events.js';
import { hostIdSchema, vmIdSchema } from '../ids.schema.js';
import { notShownSchema, pageQuery, pageSchema, recordedTimeSchema } from './conventions.schema.js';

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

/** What a person does about a stray, as root on its host. No command of Drover acts on one (ADR 27). */
export const strayRemedySchema = z.strictObject({
  /** What to make sure of first. */
  why: text(500),
  /** In this order; each is safe to leave out. */
  commands: z.array(z.strictObject({ command: text(200), purpose: text(200) })).max(10),
});
export type StrayRemedy = z.infer<typeof strayRemedySchema>;

/** A host that has strays, and what to do about each. */
export const hostStraysResourceSchema = z.strictObject({
  ...hostStraysSchema.shape,
  /** Of the host; empty where the API does not show it. */
  name: text(253),
  strays: z.array(z.strictObject({ ...strayViewSchema.shape, remedy: strayRemedySchema })).max(MAX_STRAYS),
});
export type HostStraysResource = z.infer<typeof hostStraysResourceSchema>;
/** As its events tell it, with the host's name. */
export type NamedHostStrays = HostStrays & Pick<HostStraysResource, 'name'>;

export const strayListQuerySchema = z.strictObject({
  ...pageQuery,
  host: hostIdSchema.optional(),
  /** Only strays of this VM, which is not there. */
  vm: vmIdSchema.optional(),
});
export type StrayListQuery = z.output<typeof strayListQuerySchema>;

export const strayPageSchema = pageSchema(hostStraysResourceSchema);
