import { clusterKind, hostKind, imageKind, kindsOwnedBy, vmKind } from '@drover/contracts';
import { systemClock } from '@drover/domain-kit';
import { commandController, OrderSigner } from '@drover/messaging';
import { readSecret, type ServiceContext, type ServiceDefinition } from '@drover/service-kit';
import { openFoundation, type Foundation } from '@drover/service-kit/foundation';
import { startStreamService, type Replica } from '@drover/service-kit/stream-service';
import { VmLaneController } from './adapters/inbound/vm-lane.controller.js';
import { MessagingHostOrders } from './adapters/outbound/messaging-host-orders.adapter.js';
import { MessagingScheduler } from './adapters/outbound/messaging-scheduler.adapter.js';
import { nodeTimer } from './adapters/outbound/node-timer.adapter.js';
import { toldOperations } from './adapters/outbound/told-operations.adapter.js';
import { HostJournals } from './application/host-journals.state.js';
import { VmManager, type FollowedEvent } from './application/vm-manager.process.js';
import type { VmManagerConfig } from './config.js';
import type { Timeouts } from './domain/vm/timeouts.policy.js';

const NAME = 'vm-manager';
const owned = kindsOwnedBy(NAME).map(({ name }) => name);
/** Hosts that health names. */
const NAMED = 10;

/** What a replica stands on, and its own settings. */
export interface ReplicaSettings extends Foundation {
  readonly timeouts: Timeouts;
  readonly signer: OrderSigner;
}

/** The service as a process runs it. */
export function vmManagerService(config: VmManagerConfig): ServiceDefinition {
  return {
    name: NAME,
    start: async (context) => {
      const { leaseTtlMs, createTimeoutMs, deleteTimeoutMs, powerTimeoutMs, undoTimeoutMs } = config.vmManager;
      await startReplica(context, {
        ...(await openFoundation(context, { ...config, leaseTtlMs })),
        signer: new OrderSigner(readSecret(config.orders.keyFile), config.fleetId),
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

/** Follows the store, competes for the lease and carries operations on while it holds it, until the context stops. */
export async function startReplica(context: ServiceContext, settings: ReplicaSettings): Promise<void> {
  const { logger, metrics } = context;
  const { store, deadLetters, foldSnapshots, messaging, signer, timeouts } = settings;
  const journals = new HostJournals();
  const manager = new VmManager({
    store: toldOperations(store, logger),
    scheduler: new MessagingScheduler(messaging),
    hosts: new MessagingHostOrders(messaging, signer, journals),
    journals,
    deadLetters,
    clock: systemClock,
    timer: nodeTimer,
    timeouts,
    isActive: () => replica.isActive,
    log: logger,
  });

  const replica: Replica = await startStreamService<FollowedEvent>(context, settings, {
    name: NAME,
    controllers: [
      commandController(vmKind, (command, traceparent) =>
        'kind' in command
          ? manager.commands.handle(command, traceparent)
          : manager.forgetOrders.handle(command, traceparent),
      ),
      commandController(imageKind, (command, traceparent) => manager.imageCommands.handle(command, traceparent)),
      VmLaneController,
    ],
    handlers: [manager.reports, signer],
    streamKinds: [...owned, hostKind.name, clusterKind.name],
    decidesOn: owned,
    snapshot: { store: foldSnapshots, folds: manager.saved, streams: manager.folds.streams },
    onEvent: (event) => manager.follow(event),
    onActive: (holds) => manager.activate(holds),
    onPassive: () => manager.deactivate(),
  });

  metrics.observe('drover_vm_manager_vms', () => manager.folds.size);
  metrics.observe('drover_vm_manager_open_operations', () => manager.folds.openVms.size);
  const { budget, facts, over } = manager.reports;
  metrics.observe('drover_vm_manager_hosts_over_budget', () => over.hosts.length);
  metrics.observe('drover_vm_manager_facts_refused_total', () => facts.refused);
  metrics.observe('drover_vm_manager_reports_refused_total', () => budget.refused);
  context.health.addCheck('hosts over budget', () => ({ isOk: true, detail: named(over.hosts) }));
}

/** For people: so many that one sees which they are. */
function named(hosts: readonly string[]): string {
  if (hosts.length === 0) return 'none';
  const more = hosts.length - NAMED;
  return `${hosts.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
