import { z } from 'zod';
import { mapOf } from './bounds.schema.js';
import { clusterIdSchema, dnsLabelSchema, hostIdSchema } from './ids.schema.js';
import { imageRefSchema } from './image-contents.schema.js';

/**
 * What a VM is, nested as libvirt people know it. Complete from the start, because events are forever: fields whose work
 * is not built yet are part of the schema and are refused by name (`UNSUPPORTED_FIELD`) by vm-manager.
 *
 * Parsing fills in the defaults, so a stored spec says everything that was decided. Text that reaches XML, a shell or a
 * path is limited to characters that mean nothing there.
 */

/**
 * Printable text on one line: no control characters, which XML 1.0 cannot carry, no other line ends, and no format characters, which
 * show a text otherwise than it is (U+202E turns its direction). Joiners are left, because scripts and emoji are written with them.
 */
const plainText = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .regex(
      /^([^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\uFFFE\uFFFF]|[\u200C\u200D])*$/u,
      'must be one line without control or direction characters',
    );

/** Name of a pool, network, image or CPU model: a letter or digit first, then also `. _ + -`. */
export const resourceNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._+-]{0,62}$/,
    'must be 1 to 63 of letters, digits and . _ + -, a letter or digit first',
  );

/** Key of a label or annotation, as in Kubernetes: an optional DNS prefix and `/`, then a name. */
export const labelKeySchema = z
  .string()
  .max(127)
  .regex(
    /^([a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
    'must be a label key: letters, digits, . _ -, optionally after a DNS prefix and /',
  );

export const labelValueSchema = z
  .string()
  .regex(/^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/, 'must be 0 to 63 of letters, digits and . _ -');

export const labelsSchema = mapOf(labelKeySchema, labelValueSchema, 64);

export const cpuSchema = z.strictObject({
  sockets: z.int().min(1).max(16).default(1),
  cores: z.int().min(1).max(256).default(1),
  threads: z.int().min(1).max(8).default(1),
  /** A libvirt CPU model, `host-model` or `host-passthrough`. Absent: the best the host's accelerator allows. */
  model: resourceNameSchema.optional(),
  limits: z
    .strictObject({
      /** Hard ceiling for the VM as a whole; 1000 is one core. */
      ceilingMillicores: z.int().min(10).max(1_024_000).optional(),
      /** Weight against other VMs under contention (cgroup v2 `cpu.weight`). */
      shares: z.int().min(1).max(10_000).optional(),
      reservationMillicores: z.int().min(0).max(1_024_000).optional(),
    })
    .optional(),
  /** Which host CPUs each vCPU may run on; a vCPU without an entry floats. */
  pinning: z
    .array(
      z.strictObject({ vcpu: z.int().min(0).max(1023), hostCpus: z.array(z.int().min(0).max(8191)).min(1).max(1024) }),
    )
    .max(1024)
    .optional(),
});

export const memorySchema = z.strictObject({
  sizeMiB: z.int().min(16).max(16_777_216).default(128),
  /** Ceiling for hot-plug and ballooning up. */
  maximumMiB: z.int().min(16).max(16_777_216).optional(),
  balloon: z.strictObject({ minimumMiB: z.int().min(16).max(16_777_216) }).optional(),
  hugepages: z.strictObject({ pageSizeKiB: z.union([z.literal(2048), z.literal(1_048_576)]) }).optional(),
});

export const firmwareSchema = z.strictObject({
  type: z.enum(['bios', 'uefi']).default('bios'),
  secureBoot: z.boolean().optional(),
});

export const bootSchema = z.strictObject({
  /** Tried in this order. */
  order: z
    .array(z.enum(['disk', 'network', 'cdrom']))
    .min(1)
    .max(3)
    .optional(),
  /** Volumes of the root disk's pool. An image that brings its own kernel needs none of this. */
  directKernel: z
    .strictObject({
      kernel: resourceNameSchema,
      initramfs: resourceNameSchema.optional(),
      commandLine: plainText(1024).optional(),
    })
    .optional(),
});

export const diskSchema = z.strictObject({
  /** Names the disk within the VM; its volume and serial are derived from it. */
  name: dnsLabelSchema,
  pool: resourceNameSchema.default('default'),
  /** Absent with an image: the image's size. Never less than the image. */
  sizeMiB: z.int().min(1).max(67_108_864).optional(),
  format: z.enum(['qcow2', 'raw']).default('qcow2'),
  bus: z.enum(['virtio', 'scsi', 'sata', 'ide']).default('virtio'),
  cache: z.enum(['none', 'writeback', 'writethrough', 'directsync', 'unsafe']).optional(),
  ioLimits: z
    .strictObject({
      readIops: z.int().min(1).max(10_000_000).optional(),
      writeIops: z.int().min(1).max(10_000_000).optional(),
      readKiBps: z.int().min(1).max(1_000_000_000).optional(),
      writeKiBps: z.int().min(1).max(1_000_000_000).optional(),
    })
    .optional(),
  /** The disk begins as an overlay of this image; the volume is then qcow2. */
  image: imageRefSchema.optional(),
});

/** A unicast MAC address, lower case. */
export const macSchema = z
  .string()
  .regex(
    /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/,
    'must be a unicast MAC address in lower case, e.g. 52:54:00:12:34:56',
  );

/** What a NIC may be given: no address that means nothing, and none that libvirt keeps for the host's end of the cable (`fe:`). */
const givenMacSchema = macSchema.refine(
  (mac) => mac !== '00:00:00:00:00:00' && !mac.startsWith('fe:'),
  'must be an address of a NIC: not all zeros, and not one of fe:…, which libvirt keeps for the host',
);

export const nicSchema = z.strictObject({
  /** A libvirt network of the host. */
  network: resourceNameSchema,
  vlan: z.int().min(1).max(4094).optional(),
  /** Absent: derived from the VM's id and the NIC's place, so that it stays the same. */
  mac: givenMacSchema.optional(),
  model: z.enum(['virtio', 'e1000e', 'e1000', 'rtl8139']).default('virtio'),
  rate: z
    .strictObject({
      inboundKiBps: z.int().min(1).max(100_000_000).optional(),
      outboundKiBps: z.int().min(1).max(100_000_000).optional(),
    })
    .optional(),
});

export const consoleSchema = z.strictObject({
  serial: z.boolean().default(true),
  graphics: z.enum(['none', 'vnc', 'spice']).default('none'),
});

/** Content that may hold passwords is kept in the secret store; the spec names it. */
export const cloudInitSchema = z.strictObject({
  hostname: dnsLabelSchema.optional(),
  sshAuthorizedKeys: z.array(plainText(8192)).max(64).optional(),
  userDataSecret: resourceNameSchema.optional(),
  networkConfigSecret: resourceNameSchema.optional(),
});

const pciAddress = z
  .string()
  .regex(/^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/, 'must be a PCI address, e.g. 0000:65:00.0');
const pciId = z.string().regex(/^[0-9a-f]{4}$/, 'must be four hexadecimal digits');

export const devicesSchema = z.strictObject({
  /** Either one device by address (which fixes the host) or any by vendor and product. */
  pci: z
    .array(z.union([z.strictObject({ address: pciAddress }), z.strictObject({ vendorId: pciId, productId: pciId })]))
    .max(32)
    .optional(),
  gpu: z
    .array(z.strictObject({ model: resourceNameSchema.optional(), profile: resourceNameSchema.optional() }))
    .max(16)
    .optional(),
  tpm: z.strictObject({ version: z.literal('2.0') }).optional(),
  watchdog: z
    .strictObject({ model: z.enum(['i6300esb', 'itco']), action: z.enum(['reset', 'poweroff', 'pause', 'none']) })
    .optional(),
  rng: z.boolean().default(true),
});

export const haSchema = z.strictObject({
  enabled: z.boolean().optional(),
  restartPriority: z.enum(['lowest', 'low', 'medium', 'high', 'highest']).optional(),
});

export const drsSchema = z.strictObject({ automation: z.enum(['disabled', 'manual', 'automatic']).optional() });

export const placementSchema = z.strictObject({
  /** Exactly this host. */
  hostId: hostIdSchema.optional(),
  zone: resourceNameSchema.optional(),
  cluster: clusterIdSchema.optional(),
  /** Labels the host must carry. */
  hostLabels: labelsSchema.optional(),
  /** `spread` prefers the emptiest host, `pack` the fullest that fits. */
  policy: z.enum(['spread', 'pack']).default('spread'),
});

export const metadataSchema = z.strictObject({
  description: plainText(1000).optional(),
  annotations: mapOf(labelKeySchema, plainText(1000), 64).optional(),
});

export const vmSpecSchema = z
  .strictObject({
    cpu: cpuSchema.prefault({}),
    memory: memorySchema.prefault({}),
    firmware: firmwareSchema.prefault({}),
    boot: bootSchema.prefault({}),
    disks: z.array(diskSchema).max(32).default([]),
    nics: z.array(nicSchema).max(16).default([]),
    console: consoleSchema.prefault({}),
    cloudInit: cloudInitSchema.optional(),
    devices: devicesSchema.prefault({}),
    labels: labelsSchema.default({}),
    ha: haSchema.optional(),
    drs: drsSchema.optional(),
    placement: placementSchema.prefault({}),
    metadata: metadataSchema.prefault({}),
  })
  .superRefine((spec, context) => {
    if (new Set(spec.disks.map((disk) => disk.name)).size < spec.disks.length) {
      context.addIssue({ code: 'custom', path: ['disks'], message: 'disk names must differ' });
    }
    spec.nics.forEach(({ mac, network }, index) => {
      const isTaken = spec.nics.slice(0, index).some((other) => other.mac === mac && other.network === network);
      if (mac !== undefined && isTaken) {
        context.addIssue({
          code: 'custom',
          path: ['nics', index, 'mac'],
          message: 'must differ from other NICs of its network',
        });
      }
    });
    spec.disks.forEach((disk, index) => {
      if (disk.image === undefined && disk.sizeMiB === undefined) {
        context.addIssue({ code: 'custom', path: ['disks', index, 'sizeMiB'], message: 'is needed without an image' });
      }
      if (disk.image !== undefined && disk.format !== 'qcow2') {
        context.addIssue({ code: 'custom', path: ['disks', index, 'format'], message: 'must be qcow2 with an image' });
      }
    });
    const macs = spec.nics.flatMap((nic) => (nic.mac === undefined ? [] : [nic.mac]));
    if (new Set(macs).size < macs.length) {
      context.addIssue({ code: 'custom', path: ['nics'], message: 'MAC addresses must differ' });
    }
  });

/** A spec as a person may write it: defaults may be left out. */
export type VmSpecInput = z.input<typeof vmSpecSchema>;
/** A spec as it is stored: every default filled in. */
export type VmSpec = z.output<typeof vmSpecSchema>;

/** Number of virtual CPUs. */
export function vcpuCount(cpu: Pick<VmSpec['cpu'], 'sockets' | 'cores' | 'threads'>): number {
  return cpu.sockets * cpu.cores * cpu.threads;
}
