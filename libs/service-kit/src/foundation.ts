import {
  openPostgresEventStore,
  openPostgresLeaseStore,
  type DeadLetters,
  type EventStore,
  type FoldSnapshots,
  type LeaseStore,
} from '@drover/event-store';
import { connectMessaging, type Messaging, type NatsMessaging } from '@drover/messaging';
import { ConfigError, readSecret } from './config.js';
import type { FoundationConfig } from './foundation-config.schema.js';
import type { ServiceContext } from './service.js';
import { whenAvailable } from './when-available.js';

/** What a service that writes events stands on; specs give one in memory. */
export interface Foundation {
  readonly store: EventStore;
  readonly deadLetters: DeadLetters;
  readonly foldSnapshots: FoldSnapshots;
  readonly messaging: Messaging;
  readonly leases: LeaseStore;
  readonly leaseTtlMs: number;
}

export interface FoundationOptions extends FoundationConfig {
  readonly leaseTtlMs: number;
}

/** What a service connects to the database with, under its own name (`pg_stat_activity`) where the URL gives none. */
export function databaseUrl(service: string, { urlFiles }: FoundationConfig['database']): string {
  const file = urlFiles[service];
  if (file === undefined) throw new ConfigError(`database.urlFiles.${service} is not set; name the file with its URL`);
  const secret = readSecret(file);
  const url = URL.parse(secret);
  if (url === null || url.searchParams.has('application_name')) return secret;
  url.searchParams.set('application_name', `drover-${service}`);
  return url.href;
}

/** Opens the event store, then the connection to NATS, and waits for both; they are closed with the context. */
export async function openFoundation(
  context: ServiceContext,
  { database, nats, subjectPrefix, leaseTtlMs }: FoundationOptions,
): Promise<Foundation & { readonly messaging: NatsMessaging }> {
  const { name, logger, metrics, signal } = context;
  const connectionString = databaseUrl(name, database);
  const store = await whenAvailable(context, 'event store', () => openPostgresEventStore({ connectionString }));
  context.onStop('event store', () => store.close());
  const { deadLetters, foldSnapshots } = store;
  // A question that is lost leaves time for two more within the lease's.
  const leases = openPostgresLeaseStore({ connectionString, timeoutMs: Math.floor(leaseTtlMs / 3) });
  context.onStop('leases', () => leases.close());
  const credentials = nats.credentials[name];
  const messaging = await connectMessaging({
    servers: nats.url,
    name,
    subjectPrefix,
    ...(credentials && { credentialsFile: credentials.file }),
    logger,
    metrics,
    deadLetters,
    signal,
  });
  context.onStop('nats', () => messaging.drain());
  return { store, deadLetters, foldSnapshots, messaging, leases, leaseTtlMs };
}
