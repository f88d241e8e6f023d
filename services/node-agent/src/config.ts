import {
  errorCodeSchema,
  hostIdSchema,
  isRejectionCode,
  overcommitSchema,
  resourceNameSchema,
  vmIdSchema,
} from '@drover/contracts';
import { hypervisorCalls } from '@drover/hypervisor';
import { homeSchema, natsUrlSchema, observabilitySchema, subjectPrefixSchema } from '@drover/service-kit';
import { z } from 'zod';

const intervalMs = (normal: number, meaning: string) => z.int().min(1).max(3_600_000).default(normal).describe(meaning);

/** For what is there already to grow, and for whatever else lives on the same file system. */
export const DEFAULT_RESERVED_POOL_MIB = 1024;

const faultSchema = z
  .strictObject({
    call: z.enum([...hypervisorCalls, '*']).describe('Call to the hypervisor that fails; `*` is every call.'),
    host: z.string().min(1).max(253).optional().describe('Name of the host. Without it the rule holds for all hosts.'),
    vmId: vmIdSchema.optional().describe('Without it the rule holds for any VM.'),
    code: errorCodeSchema.describe('Error code with which the call fails.'),
    takesEffect: z
      .boolean()
      .default(false)
      .describe('The call takes effect nevertheless, and the agent learns only that the outcome is unknown.'),
    times: z.int().min(1).optional().describe('How many calls fail. Without it all do.'),
    probability: z.number().min(0).max(1).default(1).describe('Chance of each call to fail.'),
  })
  .refine(({ code, takesEffect }) => !(takesEffect && isRejectionCode(code)), {
    path: ['takesEffect'],
    error:
      'a call that fails with the code of a rejection takes no effect; use the code of a fault, or leave takesEffect out',
  });
export type ConfiguredFault = z.output<typeof faultSchema>;

const poolSchema = z.strictObject({
  name: resourceNameSchema.describe('Name of the pool in specs of VMs.'),
  libvirtName: resourceNameSchema
    .optional()
    .describe('Name of the pool in libvirt; without it `drover-<name>`, a name that no other tool uses.'),
  path: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .describe(
      'Folder of the pool; the agent defines the pool in libvirt if it is missing. Without it the pool must exist.',
    ),
  reservedMiB: z
    .int()
    .min(0)
    .max(67_108_864)
    .default(DEFAULT_RESERVED_POOL_MIB)
    .describe('Free space below which the agent makes no more volumes in the pool.'),
});

const hostSchema = z.strictObject({
  id: hostIdSchema.describe('UUID of the host, derived from the id of the machine.'),
  name: z.string().min(1).max(253).describe('Name of the host, as operators read it.'),
  credentialsFile: z
    .string()
    .optional()
    .describe('File with the NATS credentials of the host. Absent only where the NATS server asks for none.'),
  journalFolder: z.string().min(1).describe('Folder of the journal: what the agent accepted and has still to report.'),
});

const hypervisorSchema = z.strictObject({
  kind: z
    .enum(['libvirt', 'simulated'])
    .describe('`libvirt` runs real VMs on this machine, `simulated` only plays them.'),
  imageFolder: z.string().min(1).describe('Folder with one folder per image, named as the image.'),
  pools: z
    .array(poolSchema)
    .min(1)
    .max(100)
    .optional()
    .describe(
      'Pools in which VMs may have volumes. The agent neither shows, uses nor starts other pools of libvirt. Without it there is one pool, `default`, in `poolFolder`.',
    ),
  networks: z
    .array(resourceNameSchema)
    .max(100)
    .default(['default'])
    .describe('Networks in which VMs may have NICs. The agent neither shows nor uses other networks of libvirt.'),
  nicFilter: resourceNameSchema
    .optional()
    .describe(
      'Network filter of libvirt for every NIC, `no-mac-spoofing` or `clean-traffic`: it stops a guest from sending under the address of another. Without it there is no filter, because not every host has the filters of libvirt, and a VM does not start without the one it names.',
    ),
  poolFolder: z.string().min(1).describe('Folder of the pool `default`, if `pools` does not say otherwise.'),
  libvirtSocket: z.string().optional().describe('Socket of the libvirt daemon; without it the usual place.'),
});

const nodeAgentSection = z.strictObject({
  reservedMemoryMiB: z
    .int()
    .min(0)
    .max(67_108_864)
    .optional()
    .describe(
      'Memory that the host keeps for itself and no VM gets. Without it 5 % of its memory, at least 1 GiB, and `controlPlaneMemoryMiB`; on a simulated host 256.',
    ),
  controlPlaneMemoryMiB: z
    .int()
    .min(0)
    .max(1_048_576)
    .default(0)
    .describe('Memory that the control plane takes on this host, PostgreSQL and nats-server included.'),
  fullListIntervalMs: intervalMs(60_000, 'Time between two reports of all VMs of the host.'),
  loadIntervalMs: intervalMs(5_000, 'Time between two reports of the load of the host and its VMs.'),
  parallelCalls: z
    .int()
    .min(1)
    .max(256)
    .default(16)
    .describe('Most calls to a hypervisor at the same time that carry out orders.'),
  parallelStarts: z.int().min(1).max(256).default(4).describe('Most starts of VMs among `parallelCalls`.'),
});

const simulatedSchema = z.strictObject({
  cpuCount: z.int().min(1).max(1024).default(16).describe('Logical CPUs of each simulated host.'),
  memoryMiB: z.int().min(1).default(65_536).describe('Memory of each simulated host.'),
  poolMiB: z.int().min(1).default(1_048_576).describe('Size of the pool of each simulated host.'),
  latencyMs: z.int().min(0).max(60_000).default(0).describe('Time that a define and a start take on a simulated host.'),
  guestDelayMs: z
    .int()
    .min(0)
    .max(60_000)
    .default(0)
    .describe('Time between the request to a simulated guest to power off or reboot and its doing so.'),
  faults: z
    .array(faultSchema)
    .max(100)
    .default([])
    .describe('What goes wrong on simulated hosts, counted per host. The first rule that fits a call counts.'),
  faultSeed: z
    .int()
    .min(0)
    .max(4_294_967_295)
    .default(1)
    .describe('Seed of the chances: with the same seed and the same calls in the same order, the same calls fail.'),
});

/** What node agents read of the installation's configuration file and of `DROVER_*` in the environment. */
export const nodeAgentConfigSchema = z.object({
  observability: observabilitySchema.prefault({}),
  home: homeSchema,
  subjectPrefix: subjectPrefixSchema,
  nats: z.object({ url: natsUrlSchema }),
  hypervisor: hypervisorSchema,
  hosts: z
    .array(hostSchema)
    .min(1)
    .describe('Hosts whose agents run in this process: one on a real machine, any number of simulated ones.'),
  overcommit: overcommitSchema.prefault({}),
  orders: z.strictObject({
    publicKeysFile: z
      .string()
      .min(1)
      .max(4096)
      .describe(
        'File with the public keys of those who may give orders to these hosts, one per line. The agent looks at the file for each order.',
      ),
  }),
  nodeAgent: nodeAgentSection.prefault({}),
  simulated: simulatedSchema.prefault({}),
});

export type NodeAgentConfig = z.output<typeof nodeAgentConfigSchema>;
export type ConfiguredHost = NodeAgentConfig['hosts'][number];
