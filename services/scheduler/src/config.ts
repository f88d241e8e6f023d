import { overcommitSchema } from '@drover/contracts';
import { foundationSections } from '@drover/service-kit';
import { z } from 'zod';
import { DEFAULT_POLICY } from './domain/placement/placement.state.js';

const { longestReservationMs } = DEFAULT_POLICY;

/** What the scheduler reads of the installation's configuration file and of `DROVER_*` in the environment. */
export const schedulerConfigSchema = z.object({
  ...foundationSections('scheduler'),
  overcommit: overcommitSchema.prefault({}),
  scheduler: z
    .strictObject({
      /** How long a silent holder keeps the lease; the same for all replicas. */
      leaseTtlMs: z.int().min(500).max(60_000).default(3_000),
      /** No shorter than the time to live that vm-manager asks for; a takeover may keep creates waiting for as long. */
      longestReservationMs: z.int().min(1_000).max(600_000).default(longestReservationMs),
    })
    .prefault({}),
});

export type SchedulerConfig = z.output<typeof schedulerConfigSchema>;
