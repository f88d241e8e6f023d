import type { Clock } from '@drover/domain-kit';
import type { Timeouts } from '../domain/vm/timeouts.policy.js';
import { ActiveReplica } from './active-replica.process.js';
import { HostJournals } from './host-journals.state.js';
import { HostReportHandler } from './host-report.handler.js';
import type { DeadLetters } from './ports/dead-letters.port.js';
import type { HostCommands } from './ports/host-commands.port.js';
import type { Intake, Lease } from './ports/lease.port.js';
import type { Log } from './ports/log.port.js';
import type { Scheduler } from './ports/scheduler.port.js';
import type { Timer } from './ports/timer.port.js';
import type { VmStore } from './ports/vm-store.port.js';
import { StoreFollower } from './store-follower.process.js';
import { VmCommandHandler } from './vm-command.handler.js';
import { VmFolds } from './vm-folds.state.js';
import { VmNames } from './vm-names.state.js';
import { VmOperations } from './vm-operations.process.js';

export interface VmManagerOptions {
  readonly store: VmStore;
  readonly scheduler: Scheduler;
  readonly hosts: HostCommands;
  readonly deadLetters: DeadLetters;
  readonly lease: Lease;
  readonly intake: Intake;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly timeouts: Timeouts;
  readonly log: Log;
}

/** One replica of the service, whole but for its adapters. */
export class VmManager {
  readonly folds: VmFolds;
  readonly commands: VmCommandHandler;
  readonly reports: HostReportHandler;
  readonly replica: ActiveReplica;
  readonly #follower: StoreFollower;
  readonly #operations: VmOperations;

  constructor(options: VmManagerOptions) {
    const { store, clock, timer, timeouts, log } = options;
    const folds = new VmFolds(store);
    const names = new VmNames();
    folds.onChange((vmId, before, after) => names.changed(vmId, before, after));
    const journals = new HostJournals(timer);
    const follower = new StoreFollower({
      store,
      folds,
      journals,
      onUnknownEvent: ({ type, schemaVersion, stream }) =>
        this.replica.retire('a newer release has written events that this one does not know; it gives up its lease', {
          type,
          schemaVersion,
          stream,
        }),
    });
    const isActive = () => this.replica.isActive;
    const operations = new VmOperations({
      folds,
      names,
      isActive,
      scheduler: options.scheduler,
      hosts: options.hosts,
      clock,
      timer,
      timeouts,
      storeEpoch: () => follower.storeEpoch,
      log,
    });
    this.replica = new ActiveReplica({ lease: options.lease, intake: options.intake, operations, follower, log });
    this.folds = folds;
    this.#follower = follower;
    this.#operations = operations;
    this.commands = new VmCommandHandler({ folds, names, operations, clock, timeouts, isActive });
    this.reports = new HostReportHandler({
      folds,
      journals,
      operations,
      deadLetters: options.deadLetters,
      clock,
      isActive,
      log,
    });
  }

  /** Follows the store and competes for the lease. */
  start(): void {
    this.#follower.start();
    this.replica.start();
  }

  /** Rejects when the store can no longer be followed by a defect; this replica is of no use then. */
  async failed(): Promise<void> {
    await this.#follower.closed();
  }

  async stop(): Promise<void> {
    await this.replica.stop();
    await this.#follower.stop();
  }

  /** As a crash leaves it: nothing more is done, and nothing is tidied up. */
  async abandon(): Promise<void> {
    this.#operations.deactivate();
    await this.#follower.stop();
  }
}
