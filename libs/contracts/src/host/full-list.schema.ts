import { z } from 'zod';
import { countSchema } from '../bounds.schema.js';
import { generationSchema, libvirtUuidSchema, orderIdSchema, vmIdSchema } from '../ids.schema.js';
import { powerStateSchema } from './observed-vm.schema.js';

/** More VMs of one host than this fit no message. */
export const MAX_VMS_OF_A_HOST = 10_000;

const listedSchema = z.strictObject({
  libvirtUuid: libvirtUuidSchema,
  title: z.string().max(200),
  powerState: powerStateSchema,
  /** Paused by the hypervisor because a disk failed or its pool is full. Absent: not so, or the agent is too old to tell. */
  isIoError: z.boolean().optional(),
  /** Its process runs on the host, and libvirt does not know of it. Nothing else is started for the VM and no disk deleted under it. */
  isUntracked: z.boolean().optional(),
  /** Why it does not run, as far as the hypervisor remembers; absent where it runs. `host`: the host or its hypervisor ended it. */
  stopCause: z.enum(['guest', 'crash', 'outside', 'host']).optional(),
  /** It was set to start with the host, and that has been cleared (safety.md 13). */
  wasAutostart: z.boolean().optional(),
  /** Its volumes that are not as this host made them: gone, or of another size. Absent: none. */
  volumeProblems: z
    .array(z.strictObject({ kind: z.enum(['missing', 'size']), detail: z.string().max(300) }))
    .max(32)
    .optional(),
  /** Why its description cannot be read; then memory and vCPUs are 0 and whose it is cannot be told. */
  unreadable: z.string().max(300).optional(),
  vcpus: countSchema,
  memoryMiB: countSchema,
  /** Absent: not of this fleet. It is counted against capacity and never touched. Its VM's id is the domain's own. */
  ours: z
    .strictObject({
      vmId: vmIdSchema,
      generation: generationSchema,
      lastOrderId: orderIdSchema.optional(),
      fingerprint: z.string().max(64),
    })
    .optional(),
});

export const listedDomainSchema = listedSchema.refine(
  ({ libvirtUuid, ours }) => ours === undefined || ours.vmId === libvirtUuid,
  {
    message: 'a domain of this fleet has the id of its VM',
    path: ['ours', 'vmId'],
  },
);
export type ListedDomain = z.infer<typeof listedDomainSchema>;

/**
 * Every domain of the host, ours and others', in parts that fit a message; the difference is settled when the last part
 * is there. VMs with an order that has not ended are named in `busy`, whichever way it goes: their entries may be out of date already,
 * and nothing follows from them.
 */
export const fullListSchema = z.strictObject({
  kind: z.literal('full-list'),
  part: z.int().min(0).max(MAX_VMS_OF_A_HOST),
  isLast: z.boolean(),
  domains: z.array(listedDomainSchema).max(2000),
  busy: z.array(vmIdSchema).max(2000),
});
export type FullList = z.infer<typeof fullListSchema>;
