import { defaultTimeouts } from './domain/vm/timeouts.policy.js';
import { fleetIdSchema } from '@drover/contracts';
import { foundationSections } from '@drover/service-kit';
import { z } from 'zod';

const timeoutMs = (normal: number) => z.int().min(1_000).max(86_400_000).default(normal);

/** What vm-manager reads of the installation's configuration file and of `DROVER_*` in the environment. */
export const vmManagerConfigSchema = z.object({
  ...foundationSections('vm-manager'),
  /** Stands in the signature of each order. */
  fleetId: fleetIdSchema,
  orders: z.strictObject({
    /** The Ed25519 key (PKCS #8, PEM) that signs orders to hosts. */
    keyFile: z.string().min(1).max(4096),
  }),
  vmManager: z
    .strictObject({
      /** How long a silent holder keeps the lease; the same for all replicas. */
      leaseTtlMs: z.int().min(500).max(60_000).default(3_000),
      createTimeoutMs: timeoutMs(defaultTimeouts.createMs),
      deleteTimeoutMs: timeoutMs(defaultTimeouts.deleteMs),
      powerTimeoutMs: timeoutMs(defaultTimeouts.powerMs),
      undoTimeoutMs: timeoutMs(defaultTimeouts.undoMs),
    })
    .prefault({}),
});

export type VmManagerConfig = z.output<typeof vmManagerConfigSchema>;
