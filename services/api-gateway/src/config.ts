import { BlockList, isIP } from 'node:net';
import { foundationSections, natsCredentialsSchema } from '@drover/service-kit';
import { EVENT_RELAY } from '@drover/messaging';
import { z } from 'zod';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  const family = isIP(host);
  return family === 0 ? host === 'localhost' : loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

const shared = foundationSections('api-gateway');

/** Configuration of api-gateway; most sections are shared with the other services. */
export const apiGatewayConfigSchema = z.object({
  ...shared,
  nats: shared.nats.extend({
    replicas: z
      .int()
      .min(1)
      .max(5)
      .default(1)
      .describe('How many servers of a NATS cluster keep each event for external tools.'),
    credentials: z
      .object({ 'api-gateway': natsCredentialsSchema.optional(), [EVENT_RELAY]: natsCredentialsSchema.optional() })
      .prefault({}),
  }),
  api: z
    .strictObject({
      host: z.string().max(253).default('127.0.0.1').describe('Address of the REST API.'),
      isPlainHttpAllowed: z
        .boolean()
        .default(false)
        .describe('Allows an address that other machines reach, although tokens then cross the network as plain text.'),
      socket: z
        .string()
        .max(107)
        .optional()
        .describe(
          'Path of a unix socket on which the API listens as well; only its clients should be able to enter its folder.',
        ),
      port: z.int().min(0).max(65_535).default(7480).describe('Port of the REST API; 0 takes any free port.'),
      tokenFile: z
        .string()
        .optional()
        .describe(
          'File with one API token. A request with this token counts as principal `admin` and may do everything.',
        ),
      tokensFile: z
        .string()
        .optional()
        .describe(
          'File with a JSON list of `{principal, sha256, permissions}`: further tokens by their SHA-256 digest.',
        ),
      commandTimeoutMs: z
        .int()
        .min(100)
        .max(120_000)
        .default(10_000)
        .describe('How long the gateway waits for the answer to a command, repeats included.'),
      positionWaitMs: z
        .int()
        .min(0)
        .max(60_000)
        .default(5000)
        .describe('How long a read waits until the read model has reached the position that the request names.'),
      databaseConnections: z
        .int()
        .min(2)
        .max(100)
        .default(8)
        .describe('Most connections to PostgreSQL for the read model.'),
    })
    .refine(({ host, isPlainHttpAllowed }) => isPlainHttpAllowed || isLoopback(host), {
      path: ['host'],
      error:
        'the API speaks plain HTTP, so anyone on the network can read the tokens: keep to a loopback address behind a proxy that speaks TLS, or set api.isPlainHttpAllowed to true',
    })
    .prefault({}),
});
export type ApiGatewayConfig = z.output<typeof apiGatewayConfigSchema>;
