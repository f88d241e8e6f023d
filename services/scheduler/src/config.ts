import { z } from 'zod';
import { DEFAULT_POLICY } from './domain/placement/placement.state.js';

const { overcommit, longestReservationMs } = DEFAULT_POLICY;
const ratio = (normal: number) => z.number().min(0.1).max(100).default(normal);

/** What the scheduler reads of the installation's configuration file and of `DROVER_*` in the environment. */
export const schedulerConfigSchema = z.object({
  subjectPrefix: z.string().default('drover'),
  nats: z.object({
    url: z.string(),
    /** Absent only where the server asks for none. */
    credentials: z
      .object({ scheduler: z.strictObject({ file: z.string(), inboxPrefix: z.string() }).optional() })
      .prefault({}),
  }),
  database: z.strictObject({ urlFile: z.string() }),
  scheduler: z
    .strictObject({
      /** How long a silent holder keeps the lease; the same for all replicas. */
      leaseTtlMs: z.int().min(500).max(60_000).default(3_000),
      /** vCPUs per logical CPU of a host. */
      cpuOvercommitRatio: ratio(overcommit.cpuRatio),
      /** Memory promised per memory there is. Above 1 a host may have to kill VMs. */
      memoryOvercommitRatio: ratio(overcommit.memoryRatio),
      /** No shorter than the time to live that vm-manager asks for; a takeover may keep creates waiting for as long. */
      longestReservationMs: z.int().min(1_000).max(600_000).default(longestReservationMs),
    })
    .prefault({}),
});

export type SchedulerConfig = z.output<typeof schedulerConfigSchema>;
