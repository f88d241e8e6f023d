import type { StoredHostEvent, StoredVmEvent } from '@drover/contracts';
import { systemClock } from '@drover/domain-kit';
import type { ServiceContext, ServiceDefinition } from '@drover/service-kit';
import { openFoundation, type Foundation } from '@drover/service-kit/foundation';
import { startStreamService, type Replica } from '@drover/service-kit/stream-service';
import { HostLoadController } from './adapters/inbound/host-load.controller.js';
import { PlacementController } from './adapters/inbound/placement.controller.js';
import { ExplainPlacementHandler } from './application/explain-placement.handler.js';
import { Ledger } from './application/ledger.state.js';
import { PlaceVmHandler } from './application/place-vm.handler.js';
import { ReleaseStaleReservations } from './application/release-stale-reservations.reconciler.js';
import type { SchedulerConfig } from './config.js';
import type { PlacementPolicy } from './domain/placement/placement.state.js';

const NAME = 'scheduler';
const RELEASE_EVERY_MS = 1_000;

/** What a replica stands on, and its own settings. */
export interface ReplicaSettings extends Omit<Foundation, 'deadLetters' | 'foldSnapshots'> {
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
  const { metrics } = context;
  const ledger = new Ledger(settings.policy, systemClock);
  const place: PlaceVmHandler = new PlaceVmHandler(ledger, systemClock, () => replica.isActive);

  const replica: Replica = await startStreamService<StoredVmEvent | StoredHostEvent>(context, settings, {
    name: NAME,
    controllers: [PlacementController, HostLoadController],
    handlers: [ledger, place, new ExplainPlacementHandler(ledger)],
    streamKinds: ['vm', 'host'],
    onEvent: (event) => ledger.seeEvent(event),
    onActive: () => place.becomeActive(),
    onPassive: () => place.becomePassive(),
  });

  const stale = new ReleaseStaleReservations(ledger, systemClock);
  const timer = setInterval(() => stale.reconcile(), RELEASE_EVERY_MS).unref();
  context.onStop('stale reservations', () => clearInterval(timer));

  metrics.observe('drover_scheduler_hosts', () => ledger.state.fleet.hosts.size);
  metrics.observe('drover_scheduler_reserved_vms', () => ledger.state.reservations.size);
}
