import { errorCodeSchema, hostIdSchema, overcommitSchema, resourceNameSchema, vmIdSchema } from '@drover/contracts';
import { hypervisorCalls } from '@drover/hypervisor';
import { observabilitySchema } from '@drover/service-kit';
import { z } from 'zod';

const ms = (normal: number) => z.int().min(1).max(3_600_000).default(normal);

/** For what is there already to grow, and for whatever else lives on the same file system. */
export const DEFAULT_RESERVED_POOL_MIB = 1024;

/** What goes wrong on simulated hosts, on each as often as it says. The first rule that a call meets counts. */
const faultSchema = z.strictObject({
  call: z.enum([...hypervisorCalls, '*']),
  /** Name of the host; absent: all of them. */
  host: z.string().min(1).max(253).optional(),
  /** Absent: any VM. */
  vmId: vmIdSchema.optional(),
  code: errorCodeSchema,
  /** The call takes effect all the same, and the agent is told that its outcome is unknown. */
  takesEffect: z.boolean().default(false),
  /** Absent: for ever. */
  times: z.int().min(1).optional(),
  /** Chance of each call. */
  probability: z.number().min(0).max(1).default(1),
});
export type ConfiguredFault = z.output<typeof faultSchema>;

const poolSchema = z.strictObject({
  /** As specs name it. */
  name: resourceNameSchema,
  /** Of the pool in libvirt. Absent: `drover-<name>`, which no other tool makes. */
  libvirtName: resourceNameSchema.optional(),
  /** A folder: the pool is defined where it is missing. Absent: the pool is there already. */
  path: z.string().min(1).max(4096).optional(),
  /** Free space below which nothing more is made in the pool. */
  reservedMiB: z.int().min(0).max(67_108_864).default(DEFAULT_RESERVED_POOL_MIB),
});

/** What node agents read of the installation's configuration file and of `DROVER_*` in the environment. */
export const nodeAgentConfigSchema = z.object({
  observability: observabilitySchema.prefault({}),
  home: z.string().min(1),
  subjectPrefix: z.string().default('drover'),
  nats: z.object({ url: z.string() }),
  hypervisor: z.strictObject({
    kind: z.enum(['libvirt', 'simulated']),
    /** A folder per image; its name is the image's. */
    imageFolder: z.string().min(1),
    /**
     * The pools that VMs may have volumes in; libvirt's others are neither shown, nor used, nor started. By default one,
     * `default`, which is a folder.
     */
    pools: z.array(poolSchema).min(1).max(100).optional(),
    /** The networks that VMs may have NICs in; libvirt's others are neither shown nor used. */
    networks: z.array(resourceNameSchema).max(100).default(['default']),
    /**
     * A network filter of libvirt that every NIC gets, `no-mac-spoofing` or `clean-traffic`: it keeps a guest from sending under
     * another's address. Absent: none, because not every host has libvirt's filters, and a VM does not start without its own.
     */
    nicFilter: resourceNameSchema.optional(),
    /** Of the pool `default`, where `pools` does not say otherwise. */
    poolFolder: z.string().min(1),
    /** Absent: the daemon's usual place. */
    libvirtSocket: z.string().optional(),
  }),
  /** The hosts whose agents run in this process: one per machine, any number of simulated ones. */
  hosts: z
    .array(
      z.strictObject({
        id: hostIdSchema,
        name: z.string().min(1).max(253),
        /** Absent only where the server asks for none. */
        credentialsFile: z.string().optional(),
        journalFolder: z.string().min(1),
      }),
    )
    .min(1),
  overcommit: overcommitSchema.prefault({}),
  orders: z.strictObject({
    /** Public keys of those who may give these hosts orders, one a line; looked at again for each order. */
    publicKeysFile: z.string().min(1).max(4096),
  }),
  nodeAgent: z
    .strictObject({
      /**
       * Kept for the host and never given to VMs. Absent: 5 % of its memory, at least 1 GiB, and what the control plane takes
       * there; on simulated hosts, which run nothing, 256.
       */
      reservedMemoryMiB: z.int().min(0).max(67_108_864).optional(),
      /** What runs of the control plane on this host takes of its memory, databases and message bus included. */
      controlPlaneMemoryMiB: z.int().min(0).max(1_048_576).default(0),
      fullListIntervalMs: ms(60_000),
      loadIntervalMs: ms(5_000),
      /** Calls to a hypervisor at the same time, for orders; and starts among them. */
      parallelCalls: z.int().min(1).max(256).default(16),
      parallelStarts: z.int().min(1).max(256).default(4),
    })
    .prefault({}),
  /** Of each simulated host. */
  simulated: z
    .strictObject({
      cpuCount: z.int().min(1).max(1024).default(16),
      memoryMiB: z.int().min(1).default(65_536),
      poolMiB: z.int().min(1).default(1_048_576),
      /** Milliseconds that defining and starting take. */
      latencyMs: z.int().min(0).max(60_000).default(0),
      /** Milliseconds between a guest's being asked and its powering off or rebooting. */
      guestDelayMs: z.int().min(0).max(60_000).default(0),
      faults: z.array(faultSchema).max(100).default([]),
      /** Of the chances; with the same seed and the same calls in the same order, the same ones fail. */
      faultSeed: z.int().min(0).max(4_294_967_295).default(1),
    })
    .prefault({}),
});

export type NodeAgentConfig = z.output<typeof nodeAgentConfigSchema>;
export type ConfiguredHost = NodeAgentConfig['hosts'][number];
