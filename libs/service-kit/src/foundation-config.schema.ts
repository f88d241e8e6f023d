import type { BuiltService } from '@drover/contracts';
import { z } from 'zod';
import { observabilitySchema } from './observability-config.schema.js';

const natsCredentialsSchema = z.strictObject({ file: z.string() });

/** The sections of the installation's configuration that every service over the event store reads. */
export function foundationSections(service: BuiltService) {
  return {
    observability: observabilitySchema.prefault({}),
    subjectPrefix: z.string().default('drover'),
    nats: z.object({
      url: z.string(),
      /** Servers of a NATS cluster that keep each lease and each event for external tools. */
      replicas: z.int().min(1).max(5).default(1),
      /** By the service's name; absent only where the server asks for none. */
      credentials: z.object({ [service]: natsCredentialsSchema.optional() }).prefault({}),
    }),
    database: z.strictObject({
      /** By the service's name, a file with the URL that it connects with, as a role of its own; it may hold a password. */
      urlFiles: z.object({ [service]: z.string().min(1).max(4096) }),
    }),
  };
}

export type FoundationConfig = z.output<z.ZodObject<ReturnType<typeof foundationSections>>>;
