import { z } from 'zod';

const ratio = (normal: number) => z.number().min(0.1).max(100).default(normal);

/**
 * How much more than a host has may be promised to its VMs; 1 promises no more than there is. One section of the
 * configuration, read by the scheduler, which places by it, and by the agents, which have the last word (safety.md 10):
 * two values would let one place what the other refuses.
 */
export const overcommitSchema = z.strictObject({
  cpuRatio: ratio(4).describe(
    'Virtual CPUs of VMs per logical CPU of a host. They share time, so a crowded host is slow and nothing worse.',
  ),
  memoryRatio: ratio(1).describe(
    'Memory of VMs per memory that a host has for them. A host that runs out of memory kills VMs: set it above 1 only where guests leave much of theirs unused.',
  ),
});
export type Overcommit = z.output<typeof overcommitSchema>;

export const DEFAULT_OVERCOMMIT: Overcommit = overcommitSchema.parse({});
