import { fleetIdSchema } from '@drover/contracts';
import { foundationSections } from '@drover/service-kit';
import { z } from 'zod';
import { DEFAULT_LIVENESS } from './domain/liveness/liveness.state.js';

/** What ha-manager reads of the installation's configuration file and of `DROVER_*` in the environment. */
export const haManagerConfigSchema = z.object({
  /** Made once by the installation. A store that holds another one is refused. */
  fleetId: fleetIdSchema,
  ...foundationSections('ha-manager'),
  haManager: z
    .strictObject({
      /** How long a silent holder keeps the lease; the same for all replicas. */
      leaseTtlMs: z.int().min(500).max(60_000).default(3_000),
      /** In fleets of up to a thousand hosts; longer in larger ones. */
      heartbeatIntervalMs: z.int().min(100).max(60_000).default(DEFAULT_LIVENESS.heartbeatIntervalMs),
      missedUntilSuspected: z.int().min(2).max(100).default(DEFAULT_LIVENESS.missedUntilSuspected),
      /** After its start or an outage of its connection, before silence counts. */
      graceMs: z.int().min(0).max(600_000).default(DEFAULT_LIVENESS.graceMs),
    })
    .prefault({}),
});

export type HaManagerConfig = z.output<typeof haManagerConfigSchema>;
