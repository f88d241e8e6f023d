import type { StoredHostEvent, StoredVmEvent } from '@drover/contracts';
import { systemClock } from '@drover/domain-kit';
import { DroverTransportStrategy, runReplica } from '@drover/messaging';
import { nestLogger, type ServiceContext, type ServiceDefinition } from '@drover/service-kit';
import { openFoundation, type Foundation } from '@drover/service-kit/foundation';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { Ledger } from './application/ledger.state.js';
import { PlaceVmHandler } from './application/place-vm.handler.js';
import { ReleaseStaleReservations } from './application/release-stale-reservations.reconciler.js';
import type { SchedulerConfig } from './config.js';
import type { PlacementPolicy } from './domain/placement/placement.state.js';
import { SchedulerModule } from './scheduler.module.js';

const NAME = 'scheduler';
const RELEASE_EVERY_MS = 1_000;

/** What a replica stands on, and its own settings. */
export interface ReplicaSettings extends Omit<Foundation, 'deadLetters'> {
  readonly policy: PlacementPolicy;
}

/** The service as a process runs it. */
export function schedulerService(config: SchedulerConfig): ServiceDefinition {
  return {
    name: NAME,
    start: async (context) => {
      const { leaseTtlMs, longestReservationMs } = config.scheduler;
      await startReplica(context, {
        ...(await openFoundation(context, { ...config, leaseTtlMs })),
        policy: { overcommit: config.overcommit, longestReservationMs },
      });
    },
  };
}

/** Follows the store, competes for the lease and answers while it holds it, until the context stops. */
export async function startReplica(context: ServiceContext, settings: ReplicaSettings): Promise<void> {
  const { logger, metrics } = context;
  const { store, messaging, leases, leaseTtlMs, policy } = settings;
  const ledger = new Ledger(policy, systemClock);
  const place: PlaceVmHandler = new PlaceVmHandler(ledger, systemClock, () => replica.isActive);

  const strategy = new DroverTransportStrategy({ messaging, queue: NAME });
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(SchedulerModule.of(ledger, place), {
    strategy,
    logger: nestLogger(logger),
    abortOnError: false,
  });
  await app.listen();
  context.onStop('nest', () => app.close());

  const replica = runReplica<StoredVmEvent | StoredHostEvent>(context, {
    name: NAME,
    store,
    messaging,
    strategy,
    leases,
    leaseTtlMs,
    streamKinds: ['vm', 'host'],
    onEvent: (event) => ledger.seeEvent(event),
    onActive: () => place.becomeActive(),
    onPassive: () => place.becomePassive(),
  });

  const stale = new ReleaseStaleReservations(ledger, systemClock);
  const timer = setInterval(() => stale.reconcile(), RELEASE_EVERY_MS).unref();
  context.onStop('stale reservations', () => clearInterval(timer));

  metrics.observe('drover_scheduler_hosts', 'Hosts of the fleet', () => ledger.state.fleet.hosts.size);
  metrics.observe('drover_scheduler_reserved_vms', 'VMs capacity is held for', () => ledger.state.reservations.size);
}
