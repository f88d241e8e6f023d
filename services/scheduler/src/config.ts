import { overcommitSchema } from '@drover/contracts';
import { foundationSections, leaseTtlSchema } from '@drover/service-kit';
import { z } from 'zod';
import { DEFAULT_POLICY } from './domain/placement/placement.state.js';

const { longestReservationMs } = DEFAULT_POLICY;

/** What the scheduler reads of the installation's configuration file and of `DROVER_*` in the environment. */
export const schedulerConfigSchema = z.object({
  ...foundationSections('scheduler'),
  overcommit: overcommitSchema.prefault({}),
  scheduler: z
    .strictObject({
      leaseTtlMs: leaseTtlSchema,
      longestReservationMs: z
        .int()
        .min(1_000)
        .max(600_000)
        .default(longestReservationMs)
        .describe(
          'Longest time for which capacity stays reserved. After a change of the active replica a create may wait for as long.',
        ),
    })
    .prefault({}),
});

export type SchedulerConfig = z.output<typeof schedulerConfigSchema>;
