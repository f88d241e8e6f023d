import type { BuiltService } from '@drover/contracts';
import { z } from 'zod';
import { observabilitySchema } from './observability-config.schema.js';

export const natsCredentialsSchema = z.strictObject({
  file: z
    .string()
    .describe('File with the NATS credentials of this user. Absent only where the NATS server asks for none.'),
});

/** First token of every NATS subject. */
export const subjectPrefixSchema = z
  .string()
  .default('drover')
  .describe('First token of every NATS subject. Fleets that share a NATS server need different ones.');

/** Where a process finds NATS. */
export const natsUrlSchema = z.string().describe('URL of the NATS server, such as `nats://127.0.0.1:4222`.');

export const homeSchema = z
  .string()
  .min(1)
  .max(4096)
  .describe('Folder with the files of this installation; for node agents, with those that belong to no single host.');

/** Made once, at the first start of the installation. */
export const FLEET_ID =
  'UUID of the fleet, made at the first start. A store that belongs to another fleet, and an order signed for another one, are refused.';

/** The same for all replicas of a service. */
export const leaseTtlSchema = z
  .int()
  .min(500)
  .max(60_000)
  .default(3_000)
  .describe('Time after which a silent active replica loses its lease to another; give all replicas the same value.');

/** A file, because the URL may hold a password. */
export const databaseUrlFileSchema = z
  .string()
  .min(1)
  .max(4096)
  .describe('File with the PostgreSQL URL with which this service connects, as a role of its own.');

/** The sections of the installation's configuration that every service over the event store reads. */
export function foundationSections(service: BuiltService) {
  return {
    observability: observabilitySchema.prefault({}),
    subjectPrefix: subjectPrefixSchema,
    nats: z.object({
      url: natsUrlSchema,
      /** By the service's name. */
      credentials: z.object({ [service]: natsCredentialsSchema.optional() }).prefault({}),
    }),
    database: z.strictObject({
      /** By the service's name: each connects as a role of its own. */
      urlFiles: z.object({ [service]: databaseUrlFileSchema }),
    }),
  };
}

export type FoundationConfig = z.output<z.ZodObject<ReturnType<typeof foundationSections>>>;
