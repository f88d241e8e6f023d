import { z } from 'zod';
import { macSchema } from '../vm-spec.schema.js';

/**
 * What a host says of a VM. `ABSENT`: no such domain; `UNRESPONSIVE`: the hypervisor process does not answer, so nothing
 * is known of the guest.
 */
export const powerStateSchema = z.enum(['ABSENT', 'STOPPED', 'RUNNING', 'PAUSED', 'CRASHED', 'UNRESPONSIVE']);
export type PowerState = z.infer<typeof powerStateSchema>;

/** Where a volume is, in Drover's name of the pool. */
export const volumeRefSchema = z.strictObject({ pool: z.string().min(1).max(63), volume: z.string().min(1).max(200) });
export type VolumeRef = z.infer<typeof volumeRefSchema>;

/** What the hypervisor settled when it defined the VM, so that every later definition, on any host, is the same machine. */
export const settledDefinitionSchema = z.strictObject({
  machineType: z.string().max(100),
  cpuModel: z.string().max(100),
  accelerator: z.enum(['kvm', 'tcg', 'simulated']),
  nics: z.array(z.strictObject({ mac: macSchema, pciAddress: z.string().max(20).optional() })).max(16),
  disks: z
    .array(
      z.strictObject({
        name: z.string().max(63),
        /** Serial number the guest sees. */
        serial: z.string().max(36),
        target: z.string().max(20),
        pool: z.string().max(63),
        volume: z.string().max(200),
        pciAddress: z.string().max(20).optional(),
      }),
    )
    .max(32),
  /** Ports and bridges below the root: what an address on one of their buses means follows from what they are. */
  pciControllers: z
    .array(
      z.strictObject({
        index: z.int().min(1).max(255),
        model: z.string().max(40),
        pciAddress: z.string().max(20).optional(),
      }),
    )
    .max(255)
    .optional(),
  /** Hash of the persistent definition without what changes by itself; another value means somebody edited it. */
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
});
export type SettledDefinition = z.infer<typeof settledDefinitionSchema>;
