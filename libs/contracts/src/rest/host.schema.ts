import { z } from 'zod';
import { hostInventorySchema } from '../host/inventory.schema.js';
import { clusterIdSchema, hostIdSchema } from '../ids.schema.js';
import { pageQuery, pageSchema, recordedTimeSchema } from './conventions.schema.js';
import { strayVmSchema } from './vm.schema.js';
import { resourceNameSchema } from '../vm-spec.schema.js';

/** `SUSPECTED`: silent, which proves nothing. */
export const livenessSchema = z.enum(['ALIVE', 'SUSPECTED']);

export const hostListQuerySchema = z.strictObject({
  ...pageQuery,
  name: z.string().min(1).max(253).optional(),
  zone: resourceNameSchema.optional(),
  liveness: livenessSchema.optional(),
});
export type HostListQuery = z.output<typeof hostListQuerySchema>;

/** What VMs placed on a host were given, by their specs. */
export const allocatedSchema = z.strictObject({ vms: z.int(), running: z.int(), vcpus: z.int(), memoryMiB: z.int() });

export const hostResourceSchema = z.strictObject({
  id: hostIdSchema,
  name: z.string(),
  cluster: clusterIdSchema,
  liveness: z.strictObject({ state: livenessSchema, since: recordedTimeSchema }),
  /** Null while the host takes new placements. */
  cordon: z.strictObject({ by: z.enum(['user', 'protocol']), at: recordedTimeSchema }).nullable(),
  inventory: hostInventorySchema,
  agent: z.strictObject({
    version: z.string(),
    protocolVersion: z.int(),
    capabilities: z.array(z.string()),
    journalEpoch: z.int(),
  }),
  allocated: allocatedSchema,
  /** Only on a single host; the newest 100. */
  strays: z.array(strayVmSchema).optional(),
  revision: z.int(),
  registeredAt: recordedTimeSchema,
  updatedAt: recordedTimeSchema,
});
export type HostResource = z.infer<typeof hostResourceSchema>;
/** A host as its events tell it: what its VMs were given is counted, and strays are VMs' events. */
export type HostView = Omit<HostResource, 'allocated' | 'strays'>;

export const hostPageSchema = pageSchema(hostResourceSchema);
