import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FleetId } from '@drover/contracts';
import { systemClock } from '@drover/domain-kit';
import { openPostgresEventStore, type DeadLetters, type EventStore } from '@drover/event-store';
import {
  connectMessaging,
  DroverTransportStrategy,
  natsLeaseStore,
  respondHealth,
  runLease,
  type LeaseStore,
  type Messaging,
} from '@drover/messaging';
import { nestLogger, readSecret, type ServiceContext, type ServiceDefinition, whenAvailable } from '@drover/service-kit';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { ACTIVE_GROUP } from './adapters/inbound/active-group.js';
import { StoreFeed } from './adapters/inbound/store-feed.consumer.js';
import { ConnectionProbe } from './adapters/outbound/connection-probe.adapter.js';
import { AnswerHeartbeatHandler } from './application/answer-heartbeat.handler.js';
import { claimStore } from './application/claim-store.handler.js';
import { CordonHostHandler } from './application/cordon-host.handler.js';
import { HostDirectory } from './application/host-directory.state.js';
import { HostStreamHandler } from './application/host-stream.handler.js';
import { JudgeLiveness } from './application/judge-liveness.reconciler.js';
import { Liveness } from './application/liveness.state.js';
import { RegisterHostHandler } from './application/register-host.handler.js';
import { TakeHostReportsHandler } from './application/take-host-reports.handler.js';
import type { HaManagerConfig } from './config.js';
import { DEFAULT_LIVENESS, type LivenessPolicy } from './domain/liveness/liveness.state.js';
import { HaManagerModule } from './ha-manager.module.js';

const NAME = 'ha-manager';
const TICK_MS = 250;

/** What a replica stands on. */
export interface Foundation {
  readonly fleetId: FleetId;
  readonly store: EventStore;
  readonly deadLetters: DeadLetters;
  readonly messaging: Messaging;
  readonly leases: LeaseStore;
  readonly leaseTtlMs: number;
  readonly liveness: LivenessPolicy;
}

/** The service as a process runs it. */
export function haManagerService(config: HaManagerConfig): ServiceDefinition {
  return {
    name: NAME,
    start: async (context) => {
      const { logger, metrics, signal } = context;
      const connectionString = readSecret(config.database.urlFile);
      const store = await whenAvailable(context, 'event store', () => openPostgresEventStore({ connectionString }));
      context.onStop('event store', () => store.close());
      const credentials = config.nats.credentials[NAME];
      const messaging = await connectMessaging({
        servers: config.nats.url,
        name: NAME,
        subjectPrefix: config.subjectPrefix,
        ...(credentials === undefined
          ? {}
          : { credentialsFile: credentials.file, inboxPrefix: credentials.inboxPrefix }),
        logger,
        metrics,
        deadLetters: store.deadLetters,
        signal,
      });
      context.onStop('nats', () => messaging.drain());
      const { leaseTtlMs, heartbeatIntervalMs, missedUntilSuspected, graceMs } = config.haManager;
      await startReplica(context, {
        fleetId: config.fleetId,
        store,
        deadLetters: store.deadLetters,
        messaging,
        leases: natsLeaseStore(messaging, Math.floor(leaseTtlMs / 3)),
        leaseTtlMs,
        liveness: { ...DEFAULT_LIVENESS, heartbeatIntervalMs, missedUntilSuspected, graceMs },
      });
    },
  };
}

/**
 * Follows the store, competes for the lease and speaks with hosts while it holds it, until the context stops. Throws
 * `FLEET_MISMATCH` where the store belongs to another fleet.
 */
export async function startReplica(context: ServiceContext, foundation: Foundation): Promise<void> {
  const { logger, metrics, health } = context;
  const { fleetId, store, deadLetters, messaging, leases, leaseTtlMs } = foundation;
  const claim = await claimStore(store, fleetId, systemClock);
  const directory = new HostDirectory();
  const liveness = new Liveness(foundation.liveness, systemClock, directory);
  const streams = new HostStreamHandler(store, directory, systemClock);
  let term = 0;

  const strategy = new DroverTransportStrategy({ messaging, queue: NAME });
  const module = HaManagerModule.of({
    register: new RegisterHostHandler(streams, directory, liveness, claim),
    reports: new TakeHostReportsHandler(streams, deadLetters),
    heartbeats: new AnswerHeartbeatHandler(directory, liveness, () => (lease.holds() ? term : undefined)),
    cordon: new CordonHostHandler(streams),
  });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, {
    strategy,
    logger: nestLogger(logger),
    abortOnError: false,
  });
  await app.listen();
  context.onStop('nest', () => app.close());

  let unknownEvent: string | undefined;
  const feed = new StoreFeed({
    store,
    onEvent: (event) => directory.seeEvent(event),
    onUnknownEvent: ({ type, schemaVersion, stream }) => {
      if (unknownEvent === undefined) logger.error('an event is not known here', { type, schemaVersion, stream });
      unknownEvent ??= `${type} version ${schemaVersion} in ${stream}`;
      void lease.release();
    },
  });
  context.onStop('store feed', () => feed.stop());
  feed.closed.catch((error: unknown) => context.fail(error));

  let isActive = false;
  const lease = runLease(
    { store: leases, key: NAME, holderId: `${hostname()}/${process.pid}`, ttlMs: leaseTtlMs, logger },
    {
      onAcquired: async () => {
        await feed.caughtUp();
        const revision = await readRevision(leases, () => lease.holds());
        if (revision === undefined) return;
        term = revision;
        liveness.forget();
        isActive = true;
        await strategy.activate(ACTIVE_GROUP);
        logger.info('this replica is the active one', { term });
      },
      onLost: async () => {
        isActive = false;
        await strategy.deactivate(ACTIVE_GROUP);
      },
    },
  );
  context.onStop('lease', () => lease.release());

  const probe = new ConnectionProbe(messaging, systemClock);
  const judge = new JudgeLiveness(liveness, streams, () => isActive && lease.holds() && probe.isAnswering);
  const timer = setInterval(() => {
    probe.probe().catch((error: unknown) => logger.debug('the connection ended under a probe', { error }));
    judge.reconcile().catch((error: unknown) => logger.warn('liveness could not be recorded yet', { error }));
  }, TICK_MS).unref();
  context.onStop('liveness', () => clearInterval(timer));

  health.addCheck('nats', () => ({ isOk: messaging.state === 'connected', detail: messaging.state }));
  health.addCheck('events', () => ({
    isOk: unknownEvent === undefined,
    detail: unknownEvent === undefined ? 'all known' : `not known: ${unknownEvent}`,
  }));
  const healthAnswers = respondHealth(messaging, NAME, () => health.ready());
  context.onStop('health', () => healthAnswers.stop());
  metrics.observe('drover_ha_manager_active', '1 on the active replica', () => (isActive ? 1 : 0));
  metrics.observe('drover_ha_manager_hosts', 'Hosts of the fleet', () => directory.size);
  metrics.observe('drover_ha_manager_suspected_hosts', 'Hosts that do not answer', () => directory.suspectedCount);
}

/**
 * The revision that our lease has by now; undefined when it is lost. Every renewal raises it, so that of a later holder is
 * higher than any an earlier one could have read.
 */
async function readRevision(leases: LeaseStore, holds: () => boolean): Promise<number | undefined> {
  while (holds()) {
    const entry = await leases.read(NAME).catch(() => undefined);
    if (entry !== undefined) return holds() ? entry.revision : undefined;
    await sleep(100);
  }
  return undefined;
}
