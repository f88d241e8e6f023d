import { processNames } from '@drover/contracts';
import { logLevels } from '@drover/observability';
import { z } from 'zod';

/** The section of the installation's configuration that every process reads. */
export const observabilitySchema = z.strictObject({
  /** Lowest level that is written. SIGUSR2 switches a running process to `debug` and back. */
  logLevel: z.enum(logLevels).default('info'),
  /** Where `/metrics`, `/livez` and `/readyz` of each process are served, as plain HTTP and to anybody who reaches it. */
  metrics: z
    .strictObject({
      host: z.string().max(255).default('127.0.0.1'),
      /** By service; `drover` where several share one process. A process without a port serves none. */
      ports: z.partialRecord(z.enum(processNames), z.int().min(0).max(65_535)).default({}),
    })
    .prefault({}),
});

export type ObservabilityConfig = z.output<typeof observabilitySchema>;

/** What a process reads for itself, whichever services it runs. */
export const processConfigSchema = z.object({ observability: observabilitySchema.prefault({}) });
