import { hostname } from 'node:os';
import { openPostgresEventStore, type DeadLetters, type EventStore } from '@drover/event-store';
import {
  connectMessaging,
  DroverTransportStrategy,
  natsLeaseStore,
  respondHealth,
  type LeaseStore,
  type Messaging,
} from '@drover/messaging';
import { systemClock } from '@drover/domain-kit';
import {
  nestLogger,
  readSecret,
  type ServiceContext,
  type ServiceDefinition,
  whenAvailable,
} from '@drover/service-kit';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { TransportIntake } from './adapters/inbound/transport-intake.adapter.js';
import { BusLease } from './adapters/outbound/bus-lease.adapter.js';
import { MessagingHostCommands } from './adapters/outbound/messaging-host-commands.adapter.js';
import { MessagingScheduler } from './adapters/outbound/messaging-scheduler.adapter.js';
import { nodeTimer } from './adapters/outbound/node-timer.adapter.js';
import { VmManager } from './application/vm-manager.process.js';
import type { VmManagerConfig } from './config.js';
import type { Timeouts } from './domain/vm/timeouts.policy.js';
import { VmManagerModule } from './vm-manager.module.js';

const NAME = 'vm-manager';

/** What a replica stands on. */
export interface Foundation {
  readonly store: EventStore;
  readonly deadLetters: DeadLetters;
  readonly messaging: Messaging;
  readonly leases: LeaseStore;
  readonly leaseTtlMs: number;
  readonly timeouts: Timeouts;
}

/** The service as a process runs it. */
export function vmManagerService(config: VmManagerConfig): ServiceDefinition {
  return {
    name: NAME,
    start: async (context) => {
      const { logger, metrics, signal, health } = context;
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
      health.addCheck('nats', () => ({ isOk: messaging.state === 'connected', detail: messaging.state }));
      const { leaseTtlMs, createTimeoutMs, deleteTimeoutMs, powerTimeoutMs, undoTimeoutMs } = config.vmManager;
      await startReplica(context, {
        store,
        deadLetters: store.deadLetters,
        messaging,
        leases: natsLeaseStore(messaging, Math.floor(leaseTtlMs / 3)),
        leaseTtlMs,
        timeouts: {
          createMs: createTimeoutMs,
          deleteMs: deleteTimeoutMs,
          powerMs: powerTimeoutMs,
          undoMs: undoTimeoutMs,
        },
      });
    },
  };
}

/** Follows, competes and serves until the context stops. */
export async function startReplica(context: ServiceContext, foundation: Foundation): Promise<VmManager> {
  const { logger, metrics, health } = context;
  const { store, deadLetters, messaging, leases, leaseTtlMs, timeouts } = foundation;
  const strategy = new DroverTransportStrategy({ messaging, queue: NAME });
  const manager = new VmManager({
    store,
    scheduler: new MessagingScheduler(messaging),
    hosts: new MessagingHostCommands(messaging),
    deadLetters,
    lease: new BusLease({ store: leases, holderId: `${hostname()}/${process.pid}`, ttlMs: leaseTtlMs, logger }),
    intake: new TransportIntake(strategy),
    clock: systemClock,
    timer: nodeTimer,
    timeouts,
    log: logger,
  });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(VmManagerModule.of(manager), {
    strategy,
    logger: nestLogger(logger),
    abortOnError: false,
  });
  await app.listen();
  context.onStop('nest', () => app.close());
  metrics.observe('drover_vm_manager_vms', 'VMs whose stream is folded in memory', () => manager.folds.size);
  metrics.observe('drover_vm_manager_open_operations', 'Operations without an end', () => manager.folds.openVms.size);
  metrics.observe('drover_vm_manager_active', '1 on the active replica', () => (manager.replica.isActive ? 1 : 0));
  const healthAnswers = respondHealth(messaging, NAME, () => health.ready());
  context.onStop('health', () => healthAnswers.stop());
  manager.start();
  context.onStop('replica', () => manager.stop());
  manager.failed().catch((error: unknown) => context.fail(error));
  return manager;
}
