import { z } from 'zod';
import { countSchema, cpusSchema, ordinalSchema, sumSchema, text } from '../bounds.schema.js';
import { hostInventorySchema, hostNameSchema } from '../host/inventory.schema.js';
import { hypervisorFaultSchema } from '../host/heartbeat.schema.js';
import { clusterIdSchema, hostIdSchema } from '../ids.schema.js';
import { pageQuery, pageSchema, notShownSchema, recordedTimeSchema } from './conventions.schema.js';
import { hostStraysSchema } from './strays.schema.js';
import { labelsSchema, resourceNameSchema } from '../vm-spec.schema.js';

/** `SUSPECTED`: silent, which proves nothing. */
export const livenessSchema = z.enum(['ALIVE', 'SUSPECTED']);

export const hostListQuerySchema = z.strictObject({
  ...pageQuery,
  name: hostNameSchema.optional(),
  zone: resourceNameSchema.optional(),
  liveness: livenessSchema.optional(),
});
export type HostListQuery = z.output<typeof hostListQuerySchema>;

/** What VMs placed on a host were given, by their specs. */
export const allocatedSchema = z.strictObject({
  vms: countSchema,
  running: countSchema,
  vcpus: sumSchema,
  memoryMiB: sumSchema,
});

export const hostResourceSchema = z.strictObject({
  id: hostIdSchema,
  name: text(253),
  cluster: clusterIdSchema,
  liveness: z.strictObject({ state: livenessSchema, since: recordedTimeSchema }),
  /** Null while the host takes new placements. */
  cordon: z.strictObject({ by: z.enum(['user', 'protocol']), at: recordedTimeSchema }).nullable(),
  /** Since when its credentials are revoked, by an operator; null where they are not. It is heard of no more, and its VMs are left alone. */
  shutOut: z.strictObject({ at: recordedTimeSchema }).nullable(),
  /** Zone and labels that an operator gave the host; null where it is in none. */
  zone: resourceNameSchema.nullable(),
  labels: labelsSchema,
  /** Why its hypervisor cannot be heard, and since when; null while it can. Nothing is known of its VMs meanwhile. */
  hypervisorFault: z.strictObject({ why: hypervisorFaultSchema, since: recordedTimeSchema }).nullable(),
  /** Since when a second machine with this host's id is refused; null where none is. */
  clone: z.strictObject({ since: recordedTimeSchema }).nullable(),
  inventory: hostInventorySchema,
  /** When the host last said that it has more CPUs or memory than before, and what it had; null where it never did. */
  growth: z
    .strictObject({ at: recordedTimeSchema, cpuCountBefore: cpusSchema, memoryMiBBefore: countSchema })
    .nullable(),
  agent: z.strictObject({
    version: text(50),
    protocolVersion: ordinalSchema,
    capabilities: z.array(text(100)).max(100),
    journalEpoch: ordinalSchema,
  }),
  allocated: allocatedSchema,
  /** Only on a single host. */
  strays: hostStraysSchema.shape.strays.optional(),
  /** Only on a single host: how many strays it lists beyond these. */
  straysLeftOut: hostStraysSchema.shape.leftOut.optional(),
  /** Absent but where something went wrong with showing it. */
  notShown: notShownSchema.optional(),
  revision: countSchema,
  registeredAt: recordedTimeSchema,
  updatedAt: recordedTimeSchema,
});
export type HostResource = z.infer<typeof hostResourceSchema>;
/** A host as its events tell it: what its VMs were given is counted, and its strays have a stream of their own. */
export type HostView = Omit<HostResource, 'allocated' | 'strays' | 'straysLeftOut'>;

export const hostPageSchema = pageSchema(hostResourceSchema);
