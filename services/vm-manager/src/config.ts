import { defaultTimeouts } from './domain/vm/timeouts.policy.js';
import { fleetIdSchema } from '@drover/contracts';
import { FLEET_ID, foundationSections, leaseTtlSchema } from '@drover/service-kit';
import { z } from 'zod';

const timeoutMs = (normal: number, what: string) =>
  z
    .int()
    .min(1_000)
    .max(86_400_000)
    .default(normal)
    .describe(
      `Time after which vm-manager looks at the host and decides the end of ${what}. Time in which the host cannot be heard does not count.`,
    );

/** What vm-manager reads of the installation's configuration file and of `DROVER_*` in the environment. */
export const vmManagerConfigSchema = z.object({
  ...foundationSections('vm-manager'),
  fleetId: fleetIdSchema.describe(FLEET_ID),
  orders: z.strictObject({
    keyFile: z
      .string()
      .min(1)
      .max(4096)
      .describe('File with the Ed25519 private key (PKCS #8, PEM) that signs orders to hosts.'),
  }),
  vmManager: z
    .strictObject({
      leaseTtlMs: leaseTtlSchema,
      createTimeoutMs: timeoutMs(defaultTimeouts.createMs, 'a create'),
      deleteTimeoutMs: timeoutMs(defaultTimeouts.deleteMs, 'a delete'),
      powerTimeoutMs: timeoutMs(defaultTimeouts.powerMs, 'an action on a VM, such as a start or a reboot'),
      undoTimeoutMs: timeoutMs(defaultTimeouts.undoMs, 'the undo of a failed create'),
    })
    .prefault({}),
});

export type VmManagerConfig = z.output<typeof vmManagerConfigSchema>;
