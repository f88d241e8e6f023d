import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { systemClock, type Clock } from '@drover/domain-kit';
import { connectMessaging, EVENT_RELAY, runRelay, type Relay } from '@drover/messaging';
import { ReadDatabase } from '@drover/read-models';
import { readSecret, runLease, type ServiceContext, type ServiceDefinition } from '@drover/service-kit';
import { databaseUrl, openFoundation, type Foundation } from '@drover/service-kit/foundation';
import { Tokens } from './adapters/inbound/http/tokens.js';
import { MessagingFleetCommands } from './adapters/outbound/messaging-fleet-commands.adapter.js';
import type { ApiGatewayConfig } from './config.js';
import { startGateway, type RunningGateway } from './gateway.js';
import { projections } from './sections.js';

/** How long a silent holder keeps the lease of the event relay. */
const RELAY_LEASE_TTL_MS = 3_000;

export interface ApiGatewayOptions {
  readonly clock?: Clock;
  /** Told where it listens. */
  readonly onListening?: (url: string) => void;
}

/** api-gateway on PostgreSQL and NATS, as it runs in production. */
export function apiGatewayService(config: ApiGatewayConfig, options: ApiGatewayOptions = {}): ServiceDefinition {
  return {
    name: 'api-gateway',
    async start(context) {
      const { logger, metrics, health } = context;
      const tokens = readTokens(config);
      const leaseTtlMs = RELAY_LEASE_TTL_MS;
      const foundation = await openFoundation(context, { ...config, leaseTtlMs });
      const { store, messaging } = foundation;
      health.addCheck('event store', async () => ({ isOk: true, detail: `position ${await store.head()}` }));
      health.addCheck('nats', () => ({ isOk: messaging.state === 'connected', detail: messaging.state }));
      const database = ReadDatabase.open({
        connectionString: databaseUrl(context.name, config.database),
        projections,
        maxConnections: config.api.databaseConnections,
      });
      context.onStop('read model database', () => database.close());
      await runEventRelay(context, foundation, config);
      const gateway: RunningGateway = await startGateway({
        store,
        database,
        commands: new MessagingFleetCommands(messaging, store, config.api.commandTimeoutMs),
        tokens,
        clock: options.clock ?? systemClock,
        host: config.api.host,
        port: config.api.port,
        ...(config.api.socket === undefined ? {} : { socket: config.api.socket }),
        positionWaitMs: config.api.positionWaitMs,
        logger,
        metrics,
        health,
        onStoreLost: (error) => context.fail(error),
      });
      context.onStop('api', () => gateway.stop());
      options.onListening?.(gateway.url);
    },
  };
}

/**
 * Of several replicas the one that holds the lease publishes events for external tools. It does so over a connection of its own, which
 * hears nothing of the fleet's (ADR 31).
 */
async function runEventRelay(
  context: ServiceContext,
  { store, deadLetters, leases, leaseTtlMs }: Foundation,
  { nats, subjectPrefix }: ApiGatewayConfig,
): Promise<void> {
  const { logger, metrics, health, signal } = context;
  const credentials = nats.credentials[EVENT_RELAY];
  const messaging = await connectMessaging({
    servers: nats.url,
    name: EVENT_RELAY,
    subjectPrefix,
    ...(credentials && { credentialsFile: credentials.file }),
    ...{ logger, metrics, deadLetters, signal },
  });
  context.onStop('nats of the event relay', () => messaging.drain());
  health.addCheck('nats events', () => ({ isOk: messaging.state === 'connected', detail: messaging.state }));
  let relay: Relay | undefined;
  const lease = runLease(
    {
      store: leases,
      key: 'api-gateway.relay',
      holderId: `${hostname()}-${process.pid}`,
      ttlMs: leaseTtlMs,
      hindrance: () => (messaging.state === 'connected' ? undefined : 'there is no connection to NATS'),
      logger,
    },
    {
      onAcquired: () => {
        relay = runRelay({
          store,
          messaging,
          holds: () => lease.holds(),
          logger,
          metrics,
          replicas: nats.replicas,
        });
      },
      onLost: async () => {
        await relay?.stop();
        relay = undefined;
      },
    },
  );
  context.onStop('event relay', () => lease.release());
}

function readTokens({ api }: ApiGatewayConfig): Tokens {
  if (api.tokensFile !== undefined) return Tokens.fromFile(api.tokensFile);
  if (api.tokenFile === undefined) throw new Error('no tokens are configured; set api.tokenFile or api.tokensFile');
  const sha256 = createHash('sha256').update(readSecret(api.tokenFile)).digest('hex');
  return new Tokens([{ principal: 'admin', sha256, permissions: ['*'] }]);
}
