import { hostIdSchema, labelsSchema, resourceNameSchema } from '@drover/contracts';
import { z } from 'zod';

const ms = (normal: number) => z.int().min(1).max(3_600_000).default(normal);

/** What node agents read of the installation's configuration file and of `DROVER_*` in the environment. */
export const nodeAgentConfigSchema = z.object({
  home: z.string().min(1),
  subjectPrefix: z.string().default('drover'),
  nats: z.object({ url: z.string() }),
  hypervisor: z.strictObject({
    kind: z.enum(['libvirt', 'simulated']),
    /** A folder per image; its name is the image's. */
    imageFolder: z.string().min(1),
    /** Of the pool `default`, which is made where it is missing. */
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
        inboxPrefix: z.string().optional(),
        journalFolder: z.string().min(1),
      }),
    )
    .min(1),
  nodeAgent: z
    .strictObject({
      zone: resourceNameSchema.optional(),
      labels: labelsSchema.default({}),
      /** Kept for the host itself and never given to VMs. */
      reservedMemoryMiB: z.int().min(0).default(256),
      fullListIntervalMs: ms(60_000),
      loadIntervalMs: ms(5_000),
      /** Calls to a hypervisor at the same time, for commands; and starts among them. */
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
    })
    .prefault({}),
});

export type NodeAgentConfig = z.output<typeof nodeAgentConfigSchema>;
export type ConfiguredHost = NodeAgentConfig['hosts'][number];
