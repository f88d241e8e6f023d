import { runLease, type Lease as RunningLease, type LeaseStore } from '@drover/messaging';
import type { Logger } from '@drover/observability';
import type { Lease } from '../../application/ports/lease.port.js';

export interface BusLeaseOptions {
  readonly store: LeaseStore;
  /** For people. */
  readonly holderId: string;
  readonly ttlMs: number;
  readonly logger: Logger;
}

/** The lease of vm-manager's replicas, in the bus's key-value store. */
export class BusLease implements Lease {
  readonly #options: BusLeaseOptions;
  #running: RunningLease | undefined;

  constructor(options: BusLeaseOptions) {
    this.#options = options;
  }

  compete(holder: { won(): void; lost(): void }): void {
    this.#running = runLease(
      { ...this.#options, key: 'vm-manager' },
      { onAcquired: () => holder.won(), onLost: () => holder.lost() },
    );
  }

  holds(): boolean {
    return this.#running?.holds() ?? false;
  }

  async resign(): Promise<void> {
    await this.#running?.release();
  }
}
