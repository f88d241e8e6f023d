import type { HostInventory } from '@drover/contracts';
import type { Hypervisor } from '@drover/hypervisor';
import type { Logger } from '@drover/observability';
import type { HostMemory } from '../domain/capacity/capacity.policy.js';
import type { HostSettings } from './agent-settings.js';
import type { ReportLane } from './report-lane.reconciler.js';

/** What the host is made of, as last seen. Reports it when it has changed since it was told. */
export class InventoryReconciler {
  readonly #hypervisor: Hypervisor;
  readonly #host: HostSettings;
  readonly #lane: ReportLane;
  readonly #logger: Logger;
  #memory: HostMemory | undefined;
  #told = '';
  #isLooking = false;
  #isDue = false;

  constructor(hypervisor: Hypervisor, host: HostSettings, lane: ReportLane, logger: Logger) {
    this.#hypervisor = hypervisor;
    this.#host = host;
    this.#lane = lane;
    this.#logger = logger;
  }

  /** For a registration, which tells it. */
  async take(): Promise<HostInventory> {
    const inventory = await this.#look();
    this.#told = fingerprintOf(inventory);
    return inventory;
  }

  async memory(): Promise<HostMemory> {
    return this.#memory ?? (await this.#look());
  }

  /** Being called is a hint. */
  async reconcile(): Promise<void> {
    this.#isDue = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      while (this.#isDue) {
        this.#isDue = false;
        const inventory = await this.#look();
        const fingerprint = fingerprintOf(inventory);
        if (fingerprint === this.#told) continue;
        this.#told = fingerprint;
        await this.#lane.append({ kind: 'inventory-changed', inventory });
      }
    } catch (error) {
      // The next registration or change tells it.
      this.#logger.warn('the inventory cannot be taken', { error });
    } finally {
      this.#isLooking = false;
    }
  }

  async #look(): Promise<HostInventory> {
    const { labels, machineId, name, reservedMemoryMiB, zone } = this.#host;
    const found = await this.#hypervisor.inventory();
    const inventory = { ...found, name, machineId, labels, reservedMemoryMiB, ...(zone === undefined ? {} : { zone }) };
    this.#memory = inventory;
    return inventory;
  }
}

/** What is free in a pool changes with every VM: loads tell it. */
function fingerprintOf(inventory: HostInventory): string {
  return JSON.stringify({
    ...inventory,
    pools: inventory.pools.map(({ name, type, capacityMiB }) => [name, type, capacityMiB]),
  });
}
