import { BlockList, isIP } from 'node:net';
import { foundationSections } from '@drover/service-kit';
import { z } from 'zod';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  const family = isIP(host);
  return family === 0 ? host === 'localhost' : loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/** Configuration of api-gateway; the sections are shared with the other services. */
export const apiGatewayConfigSchema = z.object({
  ...foundationSections('api-gateway'),
  api: z
    .strictObject({
      host: z.string().max(253).default('127.0.0.1'),
      /** The explicit word for an address that other machines reach: tokens cross the network as plain text. */
      isPlainHttpAllowed: z.boolean().default(false),
      /** A unix socket to listen on as well, in a folder that only its clients enter. */
      socket: z.string().max(107).optional(),
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
    .refine(({ host, isPlainHttpAllowed }) => isPlainHttpAllowed || isLoopback(host), {
      path: ['host'],
      error:
        'the API speaks plain HTTP, so anyone on the network can read the tokens: keep to a loopback address behind a proxy that speaks TLS, or set api.isPlainHttpAllowed to true',
    })
    .prefault({}),
});
export type ApiGatewayConfig = z.output<typeof apiGatewayConfigSchema>;
