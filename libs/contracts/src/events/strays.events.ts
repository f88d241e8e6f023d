import { z } from 'zod';
import { countSchema, text } from '../bounds.schema.js';
import { powerStateSchema } from '../host/observed-vm.schema.js';
import { generationSchema, vmIdSchema } from '../ids.schema.js';
import { reportSourceSchema } from './vm.events.js';

/** How many strays of one host are recorded; of more only the number is. */
export const MAX_STRAYS = 100;

/** Why the store does not explain a domain of this fleet: its VM was never requested, or has been deleted. */
export const strayKindSchema = z.enum(['unknown', 'deleted']);
export type StrayKind = z.infer<typeof strayKindSchema>;

/** A domain with this fleet's mark whose VM is not there, as its host listed it. */
export const straySchema = z.strictObject({
  /** Also the domain's UUID: a domain with another one is not of this fleet, whatever its mark says. */
  vmId: vmIdSchema,
  kind: strayKindSchema,
  /** Its process runs, and libvirt does not know of it. */
  isUntracked: z.boolean().optional(),
  title: text(200),
  /** In its mark. */
  generation: generationSchema,
  powerState: powerStateSchema,
  vcpus: countSchema,
  memoryMiB: countSchema,
});
export type Stray = z.infer<typeof straySchema>;

export const straysEventSchemas = {
  /** The host's full list shows a stray; nothing is done to it, a person settles it. */
  StrayFound: z.strictObject({ source: reportSourceSchema, ...straySchema.shape }),
  /** The host's full list shows neither it nor a process of it, or its VM is there again. */
  StrayGone: z.strictObject({ source: reportSourceSchema, vmId: vmIdSchema }),
  /** How many strays the list shows beyond those that are recorded. */
  StraysLeftOut: z.strictObject({ source: reportSourceSchema, count: countSchema }),
} as const;
