import type { Generation, VmOrder, VmId } from '@drover/contracts';
import type { HypervisorSignal } from '@drover/hypervisor';
import type { Change } from '../domain/reports/own-signals.policy.js';

export type VmSignal = Extract<HypervisorSignal, { readonly kind: 'vm-changed' }>;

/** An order that is being carried out, and what the hypervisor said of its VM meanwhile. */
export class OrderInFlight {
  readonly order: VmOrder;
  /** Changes that the order causes and that have been signalled. */
  readonly seen = new Set<Change>();
  /** Signals that the order does not explain. */
  readonly unexplained: VmSignal[] = [];
  /** Signals since the VM was observed for the last time: they are newer than what will be reported. */
  readonly late: VmSignal[] = [];
  isEnding = false;
  /** The connection to the hypervisor was lost meanwhile: what was signalled then was not heard. */
  hasMissedSignals = false;
  #woken = Promise.withResolvers<void>();

  constructor(order: VmOrder) {
    this.order = order;
  }

  /** Something happened that a wait for the guest may want to look at. */
  wake(): void {
    this.#woken.resolve();
    this.#woken = Promise.withResolvers<void>();
  }

  /** Ask for it before looking, so that nothing between the look and the wait is missed. */
  nextWake(): Promise<void> {
    return this.#woken.promise;
  }
}

/** What an order that has ended may still cause to be signalled. */
export interface Echo {
  readonly kind: VmOrder['kind'];
  readonly seen: ReadonlySet<Change>;
  readonly powerState: VmSignal['powerState'];
  readonly untilMs: number;
}

/** What the agent knows of the VMs that it works on. */
export class VmWork {
  readonly inFlight = new Map<VmId, OrderInFlight>();
  readonly echoes = new Map<VmId, Echo>();
  /** Of the domain that is there, as last seen. */
  readonly generations = new Map<VmId, Generation>();
  /** Orders that were taken and wait for their turn, first taken first. */
  readonly queues = new Map<VmId, VmOrder[]>();
  readonly #watchers = new Set<Set<VmId>>();

  /** VMs whose state may change at any moment. */
  busy(): Set<VmId> {
    return new Set([...this.inFlight.keys(), ...this.queues.keys()]);
  }

  /** Signals may have gone unheard; who waits for one must look. */
  missedSignals(): void {
    for (const flight of this.inFlight.values()) {
      flight.hasMissedSignals = true;
      flight.wake();
    }
  }

  forgetEchoes(nowMs: number): void {
    for (const [vmId, { untilMs }] of this.echoes) if (untilMs <= nowMs) this.echoes.delete(vmId);
  }

  touched(vmId: VmId): void {
    for (const watcher of this.#watchers) watcher.add(vmId);
  }

  /** Whether the VM was touched while the body runs; an order that is under way all the time does not count. */
  async watching<T>(vmId: VmId, body: (isTouched: () => boolean) => Promise<T>): Promise<T> {
    const touched = new Set<VmId>();
    this.#watchers.add(touched);
    try {
      return await body(() => touched.has(vmId));
    } finally {
      this.#watchers.delete(touched);
    }
  }

  /** Collects the VMs that are busy or touched while the body runs. */
  async whileWatching<T>(body: (touched: ReadonlySet<VmId>) => Promise<T>): Promise<T> {
    const touched = this.busy();
    this.#watchers.add(touched);
    try {
      return await body(touched);
    } finally {
      this.#watchers.delete(touched);
    }
  }
}
