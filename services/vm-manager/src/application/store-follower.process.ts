import {
  isKnownEvent,
  START,
  streamKind,
  type StoredClusterEvent,
  type StoredEvent,
  type StoredHostEvent,
  type StoredVmEvent,
} from '@drover/contracts';
import type { HostJournals } from './host-journals.state.js';
import type { StoreSubscription, VmStore } from './ports/vm-store.port.js';
import type { VmFolds } from './vm-folds.state.js';

export interface StoreFollowerOptions {
  readonly store: VmStore;
  readonly folds: VmFolds;
  readonly journals: HostJournals;
  /** An event of a VM that this release does not know: it must not decide any more (safety.md 23). */
  readonly onUnknownEvent: (event: StoredEvent) => void;
}

/** Keeps the folds level with the store, on every replica, all the time. */
export class StoreFollower {
  readonly #options: StoreFollowerOptions;
  /** Streams that hold something unknown; what follows there cannot be folded. */
  readonly #unreadable = new Set<string>();
  #subscription: StoreSubscription | undefined;
  #storeEpoch: number | undefined;

  constructor(options: StoreFollowerOptions) {
    this.#options = options;
  }

  get storeEpoch(): number | undefined {
    return this.#storeEpoch;
  }

  start(): void {
    this.#subscription = this.#options.store.subscribe(START, (events) => this.#take(events), {
      filter: { streamKinds: ['vm', 'host', 'cluster'] },
    });
  }

  /** Resolves when everything is folded that the store held at the time of the call. */
  async caughtUp(): Promise<void> {
    await this.#subscription?.caughtUp();
  }

  /** Rejects when following has ended by a defect. */
  async closed(): Promise<void> {
    await this.#subscription?.closed;
  }

  async stop(): Promise<void> {
    await this.#subscription?.stop();
  }

  #take(events: readonly StoredEvent[]): void {
    for (const event of events) {
      const kind = streamKind(event.stream);
      if (!isKnownEvent(event)) {
        if (kind === 'vm') this.#unknown(event);
      } else if (kind === 'vm') {
        if (!this.#unreadable.has(event.stream)) this.#options.folds.follow(event as StoredVmEvent);
      } else if (kind === 'host') this.#takeHost(event as StoredHostEvent);
      else this.#takeCluster(event as StoredClusterEvent);
    }
  }

  #takeHost(event: StoredHostEvent): void {
    if (event.type === 'HostRegistered') {
      this.#options.journals.registered(event.data.hostId, event.data.journalEpoch);
    }
  }

  #takeCluster(event: StoredClusterEvent): void {
    this.#storeEpoch = event.data.storeEpoch;
  }

  #unknown(event: StoredEvent): void {
    this.#unreadable.add(event.stream);
    this.#options.onUnknownEvent(event);
  }
}
