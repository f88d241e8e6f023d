import { z } from 'zod';
import { labelsSchema, resourceNameSchema } from '../vm-spec.schema.js';

/** What a host is made of. Reported at registration and again when it changes. */
export const hostInventorySchema = z.strictObject({
  /** Host name; a display name, not an identity. */
  name: z.string().min(1).max(253),
  machineId: z.string().regex(/^[0-9a-f]{32}$/),
  zone: resourceNameSchema.optional(),
  labels: labelsSchema,
  hypervisor: z.enum(['libvirt', 'simulated']),
  /** Found by probing, not by `/dev/kvm` being there. */
  accelerator: z.enum(['kvm', 'tcg', 'simulated']),
  /** e.g. `9.0.0`; absent for simulated hosts. */
  libvirtVersion: z.string().max(50).optional(),
  qemuVersion: z.string().max(50).optional(),
  architecture: z.string().max(50),
  cpu: z.strictObject({
    model: z.string().max(200),
    flags: z.array(z.string().max(50)).max(1000),
    sockets: z.int().min(1),
    coresPerSocket: z.int().min(1),
    threadsPerCore: z.int().min(1),
    /** Logical CPUs that VMs may use. */
    count: z.int().min(1),
    mhz: z.int().min(0),
  }),
  memoryMiB: z.int().min(1),
  /** Kept for the host itself and never given to VMs. */
  reservedMemoryMiB: z.int().min(0),
  numa: z
    .array(z.strictObject({ cell: z.int().min(0), memoryMiB: z.int().min(0), cpus: z.array(z.int().min(0)).max(1024) }))
    .max(64),
  pciDevices: z
    .array(
      z.strictObject({
        address: z.string().max(20),
        vendorId: z.string().max(10),
        productId: z.string().max(10),
        class: z.string().max(50),
        description: z.string().max(300),
        iommuGroup: z.int().optional(),
      }),
    )
    .max(512),
  /** The PCI devices among them that are GPUs, by address. */
  gpus: z.array(z.string().max(20)).max(64),
  pools: z
    .array(
      z.strictObject({
        name: z.string().max(200),
        type: z.string().max(50),
        capacityMiB: z.int().min(0),
        availableMiB: z.int().min(0),
      }),
    )
    .max(100),
  networks: z.array(z.string().max(200)).max(500),
  images: z.array(z.string().max(200)).max(1000),
});
export type HostInventory = z.infer<typeof hostInventorySchema>;
