import { processNames } from '@drover/contracts';
import { logLevels } from '@drover/observability';
import { z } from 'zod';

/** The section of the installation's configuration that every process reads. */
export const observabilitySchema = z.strictObject({
  logLevel: z
    .enum(logLevels)
    .default('info')
    .describe('Lowest level that is logged. SIGUSR2 switches a running process to `debug` and back.'),
  metrics: z
    .strictObject({
      host: z
        .string()
        .max(255)
        .default('127.0.0.1')
        .describe(
          'Address on which each process serves `/metrics`, `/livez` and `/readyz`, as plain HTTP and without a token.',
        ),
      ports: z
        .partialRecord(z.enum(processNames), z.int().min(0).max(65_535))
        .default({})
        .describe(
          'Port by service; `drover` names a process that several services share. A process without a port serves nothing.',
        ),
    })
    .prefault({}),
});

export type ObservabilityConfig = z.output<typeof observabilitySchema>;

/** What a process reads for itself, whichever services it runs. */
export const processConfigSchema = z.object({ observability: observabilitySchema.prefault({}) });
