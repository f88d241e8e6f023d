import type { HostId } from '@drover/contracts';
import type { Timer } from './ports/timer.port.js';

interface Waiter {
  readonly hostId: HostId;
  readonly epoch: number;
  readonly resolve: () => void;
}

/** The current journal epoch of every registered host, followed from `host-*` streams. */
export class HostJournals {
  readonly #timer: Timer;
  readonly #epochs = new Map<HostId, number>();
  readonly #waiters = new Set<Waiter>();

  constructor(timer: Timer) {
    this.#timer = timer;
  }

  current(hostId: HostId): number | undefined {
    return this.#epochs.get(hostId);
  }

  registered(hostId: HostId, epoch: number): void {
    this.#epochs.set(hostId, epoch);
    for (const waiter of this.#waiters) {
      if (waiter.hostId === hostId && waiter.epoch <= epoch) waiter.resolve();
    }
  }

  /**
   * The current epoch once it is at least this one, or what it is when the time has passed: a host may be quicker with its
   * first message than the store with its registration.
   */
  async reached(hostId: HostId, epoch: number, timeoutMs: number): Promise<number | undefined> {
    if ((this.current(hostId) ?? 0) >= epoch) return this.current(hostId);
    await new Promise<void>((resolve) => {
      const stop = this.#timer.after(timeoutMs, () => waiter.resolve());
      const waiter: Waiter = {
        hostId,
        epoch,
        resolve: () => {
          stop();
          this.#waiters.delete(waiter);
          resolve();
        },
      };
      this.#waiters.add(waiter);
    });
    return this.current(hostId);
  }
}
