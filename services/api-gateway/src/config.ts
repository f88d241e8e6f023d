import { foundationSections } from '@drover/service-kit';
import { z } from 'zod';

/** Configuration of api-gateway; the sections are shared with the other services. */
export const apiGatewayConfigSchema = z.object({
  ...foundationSections('api-gateway'),
  api: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: z.int().min(0).max(65_535).default(7480),
      /** A file with one token; who bears it is `admin` and may do everything. */
      tokenFile: z.string().optional(),
      /** A JSON list of `{principal, sha256, permissions}`. */
      tokensFile: z.string().optional(),
      /** How long a command may wait for an answer, repeats included. */
      commandTimeoutMs: z.int().min(100).max(120_000).default(10_000),
      /** How long a read waits for the position it names. */
      positionWaitMs: z.int().min(0).max(60_000).default(5000),
      databaseConnections: z.int().min(2).max(100).default(8),
    })
    .prefault({}),
});
export type ApiGatewayConfig = z.output<typeof apiGatewayConfigSchema>;
