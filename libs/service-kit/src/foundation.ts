import { openPostgresEventStore, type DeadLetters, type EventStore, type FoldSnapshots } from '@drover/event-store';
import {
  connectMessaging,
  LEASE_BUCKET_OWNER,
  natsLeaseStore,
  type LeaseStore,
  type Messaging,
  type NatsMessaging,
} from '@drover/messaging';
import { readSecret } from './config.js';
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

/** Opens the event store, then the connection to NATS, and waits for both; they are closed with the context. */
export async function openFoundation(
  context: ServiceContext,
  { database, nats, subjectPrefix, leaseTtlMs }: FoundationOptions,
): Promise<Foundation & { readonly messaging: NatsMessaging }> {
  const { name, logger, metrics, signal } = context;
  const connectionString = readSecret(database.urlFile);
  const store = await whenAvailable(context, 'event store', () => openPostgresEventStore({ connectionString }));
  context.onStop('event store', () => store.close());
  const { deadLetters, foldSnapshots } = store;
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
  // A request that is lost leaves time for two more within the lease's.
  const leases = natsLeaseStore(messaging, {
    timeoutMs: Math.floor(leaseTtlMs / 3),
    isOwner: name === LEASE_BUCKET_OWNER,
    replicas: nats.replicas,
  });
  return { store, deadLetters, foldSnapshots, messaging, leases, leaseTtlMs };
}
