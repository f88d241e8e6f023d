import { Folds, type Aggregate, type SavedFolds } from '@drover/aggregate';
import {
  clusterKind,
  DEFAULT_CLUSTER,
  Fault,
  imageKind,
  kindOfStream,
  straysKind,
  type ClusterId,
  type HostId,
  type StoredClusterEvent,
  type StoredHostEvent,
  type StoredImageEvent,
  type StoredStraysEvent,
  type StoredVmEvent,
} from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { HostHearing, type HostOrders, type Log, type Timer } from '@drover/operations';
import type { Timeouts } from '../domain/vm/timeouts.policy.js';
import { DoubtfulVms } from './doubtful-vms.state.js';
import { ForgetOrdersHandler } from './forget-orders.handler.js';
import { ImageCommandHandler } from './image-command.handler.js';
import { imageOperations, ImageReports, type ImageOperations } from './image-operations.process.js';
import { Images } from './images.state.js';
import type { HostJournals } from './host-journals.state.js';
import { HostReportHandler } from './host-report.handler.js';
import type { DeadLetters } from './ports/dead-letters.port.js';
import type { Scheduler } from './ports/scheduler.port.js';
import type { VmStore } from './ports/vm-store.port.js';
import { straysStreams, type StraysStreams } from './strays.handler.js';
import { VmCommandHandler } from './vm-command.handler.js';
import { VmFolds } from './vm-folds.state.js';
import { VmNames } from './vm-names.state.js';
import { vmOperations, type VmOperations } from './vm-operations.process.js';

const STORE_RETRY_MS = 500;

/** Of a cluster, this service needs only in which epoch its store is. */
interface StoreEpoch {
  readonly epoch?: number;
}

const storeEpoch: Aggregate<StoreEpoch, StoredClusterEvent> = {
  kind: clusterKind.name,
  stateVersion: 1,
  initialState: {},
  evolve: (state, event) => (event.type === 'ClusterCreated' ? { epoch: event.data.storeEpoch } : state),
};

/** What `follow` takes. */
export type FollowedEvent = StoredVmEvent | StoredHostEvent | StoredClusterEvent | StoredStraysEvent | StoredImageEvent;

export interface VmManagerOptions {
  readonly store: VmStore;
  readonly scheduler: Scheduler;
  readonly hosts: HostOrders;
  /** Which journal each host has: told by what is followed, and needed by who sends to hosts. */
  readonly journals: HostJournals;
  readonly deadLetters: DeadLetters;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly timeouts: Timeouts;
  /** Whether this replica is the active one; asked right before each append that follows from a message. */
  readonly isActive: () => boolean;
  readonly log: Log;
}

/** One replica of the service, whole but for its adapters. */
export class VmManager {
  readonly folds: VmFolds;
  readonly images: Images;
  readonly commands: VmCommandHandler;
  readonly imageCommands: ImageCommandHandler;
  readonly reports: HostReportHandler;
  readonly forgetOrders: ForgetOrdersHandler;
  readonly #journals: HostJournals;
  readonly #strays: StraysStreams;
  readonly #operations: readonly [VmOperations, ImageOperations];
  readonly #hearing: HostHearing;
  readonly #store: VmStore;
  readonly #timer: Timer;
  readonly #clusters = new Folds<StoreEpoch, StoredClusterEvent, ClusterId>(storeEpoch);

  constructor(options: VmManagerOptions) {
    const { store, clock, timer, timeouts, isActive, journals, log } = options;
    const folds = new VmFolds(store);
    const names = new VmNames();
    const doubtful = new DoubtfulVms();
    folds.onChange((vmId, before, after, requestedAt) => names.changed(vmId, before, after, requestedAt));
    const hearing = new HostHearing(clock);
    const images = new Images(store, folds);
    const storeEpoch = () => this.#clusters.get(DEFAULT_CLUSTER).state.epoch;
    const base = { orders: options.hosts, hearing, clock, timer, storeEpoch, log };
    const operations = vmOperations({ ...base, folds, names, scheduler: options.scheduler, timeouts });
    this.#operations = [operations, imageOperations({ ...base, images })];
    this.images = images;
    const isHostKnown = (hostId: HostId) => journals.current(hostId) !== undefined;
    this.imageCommands = new ImageCommandHandler({ images, isHostKnown, clock, isActive });
    this.folds = folds;
    this.#store = store;
    this.#timer = timer;
    this.#journals = journals;
    this.#strays = straysStreams(store);
    this.#hearing = hearing;
    const decided = { folds, names, images, doubtful, operations, hearing, clock, timeouts, isActive };
    this.commands = new VmCommandHandler(decided);
    this.forgetOrders = new ForgetOrdersHandler({ folds, hosts: options.hosts, clock, isActive });
    this.reports = new HostReportHandler({
      folds,
      doubtful,
      strays: this.#strays,
      images: new ImageReports(images, clock, isActive),
      journals,
      operations: this.#operations,
      hearing,
      deadLetters: options.deadLetters,
      clock,
      isActive,
      log,
    });
  }

  /** What a snapshot holds of this replica. */
  get saved(): readonly SavedFolds[] {
    return [this.folds.streams.folds, this.#strays.folds, this.images.streams.folds, this.#journals, this.#clusters];
  }

  /** Keeps the folds level with the store, on every replica, all the time: every event of these streams, in order. */
  follow(event: FollowedEvent): void {
    if (kindOfStream(event.stream) === 'vm') {
      this.folds.follow(event as StoredVmEvent);
      this.#journals.followed(event);
    } else if (kindOfStream(event.stream) === straysKind.name) {
      this.#strays.folds.follow(event as StoredStraysEvent);
      this.#journals.followed(event);
    } else if (kindOfStream(event.stream) === imageKind.name) {
      this.images.streams.folds.follow(event as StoredImageEvent);
      this.#journals.followed(event);
    } else if (event.type === 'HostRegistered') this.#journals.registered(event.data.hostId, event.data.journalEpoch);
    else if (event.type === 'HostSuspected') this.#hearing.silent(event.data.hostId);
    else if (kindOfStream(event.stream) === clusterKind.name) this.#clusters.follow(event as StoredClusterEvent);
  }

  /**
   * Carries open operations on, once everything has been followed that the store held when the lease was won.
   *
   * @param holds whether the lease is still held; asked right before each effect, because a process may have stood still.
   */
  async activate(holds: () => boolean): Promise<void> {
    this.reports.begin();
    const storeNowMs = await this.#storeNow(holds);
    if (storeNowMs === undefined || !holds()) return;
    this.#hearing.begin();
    for (const operations of this.#operations) operations.activate(holds, storeNowMs);
  }

  /** The store's time; undefined where the lease was lost before the store told it. */
  async #storeNow(holds: () => boolean): Promise<number | undefined> {
    while (holds()) {
      try {
        return await this.#store.now();
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        await new Promise<void>((resolve) => this.#timer.after(STORE_RETRY_MS, resolve));
      }
    }
    return undefined;
  }

  /** Stops carrying them on, at once. Idempotent. */
  deactivate(): void {
    for (const operations of this.#operations) operations.deactivate();
    this.#hearing.end();
  }
}
