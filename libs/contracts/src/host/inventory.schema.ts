import { z } from 'zod';
import { countSchema, cpusSchema } from '../bounds.schema.js';
import { imageDigestSchema, imageFormatSchema } from '../image-contents.schema.js';
import { resourceNameSchema } from '../vm-spec.schema.js';

/** A host's word has bounds that every reader of it can hold: a fleet's sum of them still fits 53 bits. */
const cpus = cpusSchema;
const mib = countSchema;

/** A host's name: what a path segment can hold and a terminal shows as it is. */
export const hostNameSchema = z
  .string()
  .max(253)
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/,
    'must be a host name: letters, digits and . _ -, a letter or digit first and last',
  );

export const firmwareKindSchema = z.enum(['bios', 'uefi', 'uefi-secure']);

/** What the hypervisor can give to a VM with this host's accelerator (libvirt: domain capabilities). */
export const hostOffersSchema = z.strictObject({
  /** CPU models that a VM gets in full, by the name that a spec asks for; with `host-model` and `host-passthrough` where they work. */
  cpuModels: z.array(z.string().min(1).max(100)).max(500),
  /** Machine types, and how many vCPUs a VM of each may have. */
  machines: z
    .array(z.strictObject({ type: z.string().min(1).max(100), maxVcpus: cpus }))
    .min(1)
    .max(500),
  /** The one of `machines` that a new VM gets. */
  newMachine: z.string().min(1).max(100),
  firmware: z.array(firmwareKindSchema).min(1).max(3),
  /** Versions of an emulated TPM; empty where the host has none to give. */
  tpmVersions: z.array(z.enum(['1.2', '2.0'])).max(2),
});
export type HostOffers = z.infer<typeof hostOffersSchema>;

export const hostImageSchema = z.strictObject({
  name: resourceNameSchema,
  format: imageFormatSchema,
  /** Of the disk that a guest sees: the least that a VM's disk of it takes. */
  virtualSizeMiB: z.int().min(1).max(67_108_864),
  /** Absent while the host has not read its files, which takes a while after they were changed. */
  digest: imageDigestSchema.optional(),
});

/** What a host is made of. Reported at registration and again when it changes. */
export const hostInventorySchema = z.strictObject({
  /** Host name; a display name, not an identity. */
  name: hostNameSchema,
  machineId: z.string().regex(/^[0-9a-f]{32}$/),
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
    sockets: cpus,
    coresPerSocket: cpus,
    threadsPerCore: cpus,
    /** Logical CPUs that VMs may use. */
    count: cpus,
    mhz: z.int().min(0).max(1_000_000),
  }),
  /** Absent where the hypervisor could not say: then no placement is refused by it, and the host has the last word. */
  offers: hostOffersSchema.optional(),
  /** All that the kernel manages. */
  memoryMiB: mib.min(1),
  /** Of `memoryMiB`, kept for the host itself and never given to VMs. */
  reservedMemoryMiB: mib,
  /** Of `memoryMiB`, set aside as huge pages: not there for VMs that do not ask for them. */
  hugePagesMiB: mib,
  numa: z
    .array(
      z.strictObject({
        cell: z.int().min(0).max(65_536),
        memoryMiB: mib,
        cpus: z.array(z.int().min(0).max(65_536)).max(1024),
      }),
    )
    .max(64),
  pciDevices: z
    .array(
      z.strictObject({
        address: z.string().max(20),
        vendorId: z.string().max(10),
        productId: z.string().max(10),
        class: z.string().max(50),
        description: z.string().max(300),
        iommuGroup: z.int().min(0).max(2_147_483_647).optional(),
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
        /** Why its volumes cannot be reached now, and its numbers are 0. Absent: they can. */
        problem: z.string().max(300).optional(),
        capacityMiB: z.int().min(0).max(1_099_511_627_776),
        availableMiB: z.int().min(0).max(1_099_511_627_776),
      }),
    )
    .max(100),
  networks: z.array(z.string().max(200)).max(500),
  /** What VMs may be made from: each inspected by the host. */
  images: z.array(hostImageSchema).max(1000),
  /** What lies among the images and may not be used, and why. */
  refusedImages: z
    .array(z.strictObject({ name: z.string().max(200), why: z.string().max(300) }))
    .max(100)
    .optional(),
  /** What could not be read, or had no place in a list above, in words; the rest is as it is. */
  problems: z.array(z.string().max(300)).max(50).optional(),
});
export type HostInventory = z.infer<typeof hostInventorySchema>;
