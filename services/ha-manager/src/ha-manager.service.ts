import { setTimeout as sleep } from 'node:timers/promises';
import type { StreamStore } from '@drover/aggregate';
import { Fault, hostKind, type FleetId, type StoredHostEvent } from '@drover/contracts';
import { systemClock } from '@drover/domain-kit';
import { commandController } from '@drover/messaging';
import type { Logger } from '@drover/observability';
import type { ServiceContext, ServiceDefinition } from '@drover/service-kit';
import { openFoundation, type Foundation } from '@drover/service-kit/foundation';
import { startStreamService, type Replica } from '@drover/service-kit/stream-service';
import { HeartbeatController } from './adapters/inbound/heartbeat.controller.js';
import { HostLaneController } from './adapters/inbound/host-lane.controller.js';
import { ConnectionProbe } from './adapters/outbound/connection-probe.adapter.js';
import { AnswerHeartbeatHandler } from './application/answer-heartbeat.handler.js';
import { beginTerm } from './application/begin-term.handler.js';
import { claimStore } from './application/claim-store.handler.js';
import { WriteHostHandler } from './application/write-host.handler.js';
import { HostDirectory } from './application/host-directory.state.js';
import { HostStreamHandler } from './application/host-stream.handler.js';
import { JudgeLiveness } from './application/judge-liveness.reconciler.js';
import { Liveness } from './application/liveness.state.js';
import { RegisterHostHandler } from './application/register-host.handler.js';
import { TakeHostReportsHandler } from './application/take-host-reports.handler.js';
import type { HaManagerConfig } from './config.js';
import { DEFAULT_LIVENESS, type LivenessPolicy } from './domain/liveness/liveness.state.js';

const NAME = 'ha-manager';
const TICK_MS = 250;
/** Few of them fit into a lease's time, which ends the trying. */
const TERM_RETRY_MS = 100;

/** What a replica stands on, and its own settings. */
export interface ReplicaSettings extends Foundation {
  readonly fleetId: FleetId;
  readonly liveness: LivenessPolicy;
}

/** The service as a process runs it. */
export function haManagerService(config: HaManagerConfig): ServiceDefinition {
  return {
    name: NAME,
    start: async (context) => {
      const { leaseTtlMs, heartbeatIntervalMs, missedUntilSuspected, graceMs } = config.haManager;
      await startReplica(context, {
        ...(await openFoundation(context, { ...config, leaseTtlMs })),
        fleetId: config.fleetId,
        liveness: { ...DEFAULT_LIVENESS, heartbeatIntervalMs, missedUntilSuspected, graceMs },
      });
    },
  };
}

/**
 * Follows the store, competes for the lease and speaks with hosts while it holds it, until the context stops. Throws
 * `FLEET_MISMATCH` where the store belongs to another fleet.
 */
export async function startReplica(context: ServiceContext, settings: ReplicaSettings): Promise<void> {
  const { logger, metrics } = context;
  const { fleetId, store, deadLetters, foldSnapshots, messaging } = settings;
  const claim = await claimStore(store, fleetId, systemClock);
  const streams = new HostStreamHandler(store, systemClock);
  const directory = new HostDirectory(streams.folds);
  const liveness = new Liveness(settings.liveness, systemClock, directory);
  let term: number | undefined;

  const commands = new WriteHostHandler(streams);
  const replica: Replica = await startStreamService<StoredHostEvent>(context, settings, {
    name: NAME,
    controllers: [
      commandController(hostKind, (command, traceparent) => commands.handle(command, traceparent)),
      HostLaneController,
      HeartbeatController,
    ],
    handlers: [
      new RegisterHostHandler(streams, directory, liveness, claim, () => term),
      new TakeHostReportsHandler(streams, deadLetters),
      new AnswerHeartbeatHandler(directory, liveness, () => (replica.isActive ? term : undefined)),
    ],
    streamKinds: [hostKind.name],
    snapshot: { store: foldSnapshots, folds: [streams.folds], streams: streams.streams },
    onEvent: (event) => streams.folds.follow(event),
    onActive: async (holds) => {
      term = await beginTermPatiently(store, logger, holds);
      liveness.forget();
    },
  });

  const probe = new ConnectionProbe(messaging, systemClock);
  const judge = new JudgeLiveness(liveness, streams, () => replica.isActive && probe.isAnswering);
  const timer = setInterval(() => {
    probe.probe().catch((error: unknown) => logger.debug('the connection ended under a probe', { error }));
    judge.reconcile().catch((error: unknown) => logger.warn('liveness could not be recorded yet', { error }));
  }, TICK_MS).unref();
  context.onStop('liveness', () => clearInterval(timer));

  metrics.observe('drover_ha_manager_hosts', () => directory.size);
  metrics.observe('drover_ha_manager_suspected_hosts', () => directory.count((host) => host.isSuspected));
  metrics.observe('drover_ha_manager_cloned_hosts', () => directory.count((host) => host.isCloned));
  metrics.observe('drover_ha_manager_hypervisor_lost_hosts', () => directory.count((host) => host.isHypervisorLost));
}

/** The store may be away for a while; then this replica is not the active one yet. */
async function beginTermPatiently(
  store: StreamStore,
  logger: Logger,
  holds: () => boolean,
): Promise<number | undefined> {
  while (holds()) {
    try {
      return await beginTerm(store, systemClock, holds);
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'STORE_UNAVAILABLE') throw error;
      logger.debug('the term cannot begin yet', { error });
    }
    await sleep(TERM_RETRY_MS);
  }
  return undefined;
}
