import type { FleetId } from '@drover/contracts';
import type { Hypervisor, HypervisorSignal } from '@drover/hypervisor';
import { outageOf, type Logger } from '@drover/observability';
import { doubling, pause } from './stopping.js';

export interface HypervisorLinkOptions {
  readonly hypervisor: Hypervisor;
  readonly logger: Logger;
  readonly stop: AbortSignal;
  readonly retryMs: number;
  readonly fleetId: () => FleetId;
  readonly onVmChanged: (signal: Extract<HypervisorSignal, { kind: 'vm-changed' }>) => void;
  /** Signals may have been lost before. */
  readonly onConnected: () => void;
  readonly onInventoryChanged: () => void;
}

/** The connection to the hypervisor, and what is told of it where it cannot be heard. */
export class HypervisorLink {
  readonly #options: HypervisorLinkOptions;
  #fault: string | undefined;
  #isOpen = false;

  constructor(options: HypervisorLinkOptions) {
    this.#options = options;
  }

  /** Said in every heartbeat as long as it is so: what is not heard of a host must not look as if nothing happened there. */
  get fault(): string | undefined {
    return this.#fault;
  }

  noteUnreached(): void {
    this.#fault = 'the hypervisor cannot be reached';
  }

  /** Once; it tries until it is open or the agent stops. */
  async open(): Promise<void> {
    const { hypervisor, logger, retryMs, stop, fleetId } = this.#options;
    const outage = outageOf(logger, 'hypervisor');
    const nextWaitMs = doubling(retryMs);
    while (!this.#isOpen) {
      try {
        await hypervisor.open(fleetId(), (signal) => this.#take(signal));
        this.#isOpen = true;
        outage.ended();
      } catch (error) {
        outage.failed(error);
        this.noteUnreached();
        await pause(nextWaitMs(), stop);
      }
    }
  }

  #take(signal: HypervisorSignal): void {
    const { logger, stop, onVmChanged, onConnected, onInventoryChanged } = this.#options;
    if (stop.aborted) return;
    switch (signal.kind) {
      case 'vm-changed':
        onVmChanged(signal);
        return;
      case 'connected':
        logger.info('connected to the hypervisor');
        this.#fault = undefined;
        onConnected();
        return;
      case 'disconnected':
        logger.warn('the connection to the hypervisor is lost');
        this.#fault = 'the connection to the hypervisor is lost';
        return;
      case 'inventory-changed':
        onInventoryChanged();
        return;
    }
  }
}
