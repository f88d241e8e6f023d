import { randomUUID } from 'node:crypto';
import {
  hostIdSchema,
  subjectKey,
  vmSubject,
  type FleetId,
  type HostId,
  type ErrorReport,
  type VmId,
} from '@drover/contracts';
import { derivedId, systemClock, type Clock } from '@drover/domain-kit';
import type { Hypervisor } from '@drover/hypervisor';
import type { Messaging, OrderCheck } from '@drover/messaging';
import type { Logger } from '@drover/observability';
import { consumeHostOrders } from './adapters/inbound/host-order.consumer.js';
import { controlPlaneOver } from './adapters/outbound/messaging/messaging-control-plane.adapter.js';
import { Admission } from './application/admission.js';
import { AgentLife, settledWithin } from './application/agent-life.js';
import type { AgentSettings } from './application/agent-settings.js';
import { beat, tellLoads } from './application/beat.reconciler.js';
import { ChangeReports } from './application/change-reports.js';
import { OrderRunner } from './application/carry-out-orders.process.js';
import { FullListReconciler } from './application/full-list.reconciler.js';
import { ImageOrderRunner } from './application/inspect-images.process.js';
import { HypervisorCalls } from './application/hypervisor-calls.js';
import { HypervisorLink } from './application/hypervisor-link.process.js';
import { Lower } from './application/lower.handler.js';
import { Look } from './application/look.handler.js';
import { InventoryReconciler } from './application/inventory.reconciler.js';
import { JournalBook } from './application/journal-book.js';
import { OwedVolumesReconciler } from './application/owed-volumes.reconciler.js';
import { OwnVolumes } from './application/own-volumes.js';
import type { Journal } from './application/ports/journal.port.js';
import { ReportLane } from './application/report-lane.reconciler.js';
import { RunnersOfOrders } from './application/runners-of-orders.js';
import { Session } from './application/session.process.js';
import { SignalDesk } from './application/signal-desk.js';
import { StepHandler } from './application/step.handler.js';
import { returnAfterMs } from './domain/pace/pace.policy.js';
import { TakeOrder } from './application/take-order.handler.js';
import { VmWork } from './application/vm-work.js';

export interface NodeAgentOptions {
  readonly hostId: HostId;
  readonly messaging: Messaging;
  /** The agent's own: it opens and closes it. */
  readonly hypervisor: Hypervisor;
  /** May serve other agents as well; the caller closes it. */
  readonly journal: Journal;
  readonly settings: AgentSettings;
  /** Tells what vm-manager has signed. */
  readonly orderCheck: OrderCheck;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** From 0 to 1; scatters agents that would come back together. */
  readonly random?: () => number;
}

export interface NodeAgent {
  readonly hostId: HostId;
  /** Whether it is registered and takes orders. */
  readonly isOpen: boolean;
  /** Resolves when the journal is open; registration goes on by itself. */
  start(): Promise<void>;
  /** Takes nothing more and lets calls under way end. What is not done stands in the journal for the next start. */
  stop(): Promise<void>;
  /** Settles when the agent has stopped: with the reason where the control plane has no place for it. */
  readonly ended: Promise<ErrorReport | undefined>;
}

/** The host's id follows from its machine id: a host keeps its id when its disk is restored or its agent reinstalled. */
export function hostIdOf(machineId: string): HostId {
  return hostIdSchema.parse(derivedId(machineId, 'host'));
}

/** One host's agent: wires its parts and runs them until it is stopped or refused. */
export function createNodeAgent(options: NodeAgentOptions): NodeAgent {
  const { hostId, hypervisor, messaging, orderCheck, settings } = options;
  const { limits, timings } = settings;
  const clock = options.clock ?? systemClock;
  const random = options.random ?? Math.random;
  const logger = options.logger.with({ hostId });
  const life = new AgentLife(logger);
  const { stop } = life;
  const run = (part: Promise<unknown>): void => life.run(part);
  let session: Session | undefined;

  async function start(): Promise<void> {
    const journal = await options.journal.open(hostId);
    const { retryMs } = timings;
    const book = new JournalBook(journal, { logger, retryMs, stop });
    const fleetId = (): FleetId => {
      if (book.content.fleetId === undefined) throw new Error('no order is carried out before the registration');
      return book.content.fleetId;
    };
    const controlPlane = controlPlaneOver(messaging, hostId, fleetId, orderCheck);
    const bootNonce = randomUUID();
    const base = { book, clock, logger, stop, retryMs };
    const reopen = (): void => session?.reopen();

    const hostLane = new ReportLane({
      ...base,
      lane: 'host',
      maxReports: 100,
      send: (reports, journalEpoch) => controlPlane.reportHost({ kind: 'reports', hostId, journalEpoch, reports }),
      onRejected: reopen,
    });
    const vmLane = new ReportLane({
      ...base,
      lane: 'vm',
      maxReports: 500,
      send: (reports, journalEpoch, waiting) =>
        controlPlane.reportVms({ kind: 'reports', hostId, journalEpoch, reports, waiting }),
      onRejected: reopen,
      onAcknowledged: () => fullList.laneMoved(),
    });
    const work = new VmWork();
    const generationOf = (vmId: VmId) =>
      work.generations.get(vmId) ?? book.content.newest.get(subjectKey(vmSubject(vmId)))?.rank.generation;
    const inventory = new InventoryReconciler(hypervisor, settings.host, hostLane, logger);
    const calls = new HypervisorCalls(limits, timings, clock, stop);
    const volumes = new OwnVolumes({ hypervisor, calls, book });
    const fullList = new FullListReconciler({
      ...base,
      hypervisor,
      volumes,
      lane: vmLane,
      work,
      intervalMs: timings.fullListIntervalMs,
      generationOf,
    });
    const admission = new Admission(
      () => inventory.memory(),
      () => hypervisor.heldMemoryMiB(),
    );
    const owedVolumes = new OwedVolumesReconciler({
      volumes,
      work,
      logger,
      stop,
      intervalMs: timings.fullListIntervalMs,
    });
    const steps = new StepHandler({
      ...base,
      hypervisor,
      calls,
      volumes,
      admission,
      timings,
      fleetId,
      tellProgress: (progress) => controlPlane.tellProgress(progress),
    });
    const changes = new ChangeReports({
      ...base,
      lane: vmLane,
      generationOf,
      requestFullList: () => fullList.request(),
    });
    const desk = new SignalDesk(work, clock, (signal) => run(changes.report(signal)));
    const runner = new OrderRunner({
      ...base,
      hypervisor,
      calls,
      steps,
      admission,
      lane: vmLane,
      work,
      desk,
      fleetId,
    });
    const runners = new RunnersOfOrders(runner, new ImageOrderRunner({ ...base, hypervisor, lane: vmLane }), book);
    const takeOrder = new TakeOrder({
      book,
      clock,
      isTableKnown: () => session?.isOpen ?? false,
      carryOut: (order) => runners.enqueue(order),
    });

    const look = new Look({
      ...base,
      hypervisor,
      calls,
      lane: vmLane,
      work,
      isTableKnown: () => session?.isOpen ?? false,
    });

    const handlers = { takeOrder, look, lower: new Lower(book, logger) };

    const link = new HypervisorLink({
      ...base,
      hypervisor,
      fleetId,
      onVmChanged: (signal) => desk.take(signal),
      onConnected: () => {
        work.missedSignals();
        fullList.request();
        owedVolumes.request();
        run(inventory.reconcile());
      },
      onInventoryChanged: () => {
        owedVolumes.request();
        run(inventory.reconcile());
      },
    });

    const beating = {
      hostId,
      bootNonce,
      controlPlane,
      hypervisor,
      clock,
      logger,
      stop,
      onMustRegister: reopen,
      hypervisorFault: () => link.fault,
      pace: { intervalMs: 1_000 },
    };
    let isBeating = false;
    let isConsuming = false;
    session = new Session({
      ...base,
      hostId,
      bootNonce,
      hostBootId: settings.host.bootId,
      agentVersion: settings.agentVersion,
      controlPlane,
      inventory,
      hostIdPatienceMs: timings.hostIdPatienceMs,
      onRegistered: async ({ heartbeatIntervalMs, journalEpoch }) => {
        beating.pace.intervalMs = heartbeatIntervalMs;
        life.farewell = () => controlPlane.leave({ kind: 'leaving', hostId, bootNonce });
        hostLane.open(journalEpoch);
        if (!inventory.isKnown) link.noteUnreached();
        if (!isBeating) run(beat(beating));
        await link.open();
        if (!isBeating) {
          run(tellLoads({ ...beating, loadIntervalMs: timings.loadIntervalMs }));
          run(fullList.run());
          run(changes.run());
          run(owedVolumes.run());
          run(inventory.run(timings.inventoryIntervalMs, stop));
        }
        isBeating = true;
      },
      onOpen: (journalEpoch) => {
        logger.info('registered and open for orders', { journalEpoch });
        vmLane.open(journalEpoch);
        runners.resume();
        fullList.request();
        if (!isConsuming) {
          isConsuming = true;
          const journal = () => ({ fleetId: fleetId(), journalEpoch: book.content.journalEpoch });
          const subscription = consumeHostOrders(messaging, hostId, journal, orderCheck, handlers, clock, logger);
          life.atEnd(() => subscription.stop());
        }
      },
      onSuspended: () => {
        vmLane.suspend();
        hostLane.suspend();
      },
    });
    life.atEnd(
      controlPlane.onReconnect(() => session?.reopen(returnAfterMs(beating.pace, random()))),
      () => settledWithin(runner.settled()),
      () => hypervisor.close(),
    );
    for (const part of [session.run(), vmLane.run(), hostLane.run()]) run(part);
  }

  return {
    hostId,
    get isOpen() {
      return session?.isOpen === true && !stop.aborted;
    },
    start,
    stop: () => life.end(),
    ended: life.ended,
  };
}
