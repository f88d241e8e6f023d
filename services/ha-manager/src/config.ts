import { fleetIdSchema } from '@drover/contracts';
import { FLEET_ID, foundationSections, leaseTtlSchema } from '@drover/service-kit';
import { z } from 'zod';
import { DEFAULT_LIVENESS } from './domain/liveness/liveness.state.js';

/** What ha-manager reads of the installation's configuration file and of `DROVER_*` in the environment. */
export const haManagerConfigSchema = z.object({
  fleetId: fleetIdSchema.describe(FLEET_ID),
  ...foundationSections('ha-manager'),
  haManager: z
    .strictObject({
      leaseTtlMs: leaseTtlSchema,
      heartbeatIntervalMs: z
        .int()
        .min(100)
        .max(60_000)
        .default(DEFAULT_LIVENESS.heartbeatIntervalMs)
        .describe(
          'Time between two heartbeats of a host. It is twice as long above 200 hosts, three times above 400, and so on.',
        ),
      missedUntilSuspected: z
        .int()
        .min(2)
        .max(100)
        .default(DEFAULT_LIVENESS.missedUntilSuspected)
        .describe('Number of missing heartbeats after which a host is suspected.'),
      graceMs: z
        .int()
        .min(0)
        .max(600_000)
        .default(DEFAULT_LIVENESS.graceMs)
        .describe(
          'After its own start, and after an outage of its own connection, ha-manager ignores silence of hosts for this long.',
        ),
    })
    .prefault({}),
});

export type HaManagerConfig = z.output<typeof haManagerConfigSchema>;
