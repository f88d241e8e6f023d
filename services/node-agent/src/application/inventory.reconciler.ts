import { Fault, type HostInventory } from '@drover/contracts';
import { inventoryDigest as inventoryDigestOf } from '@drover/fleet-model';
import type { Hypervisor } from '@drover/hypervisor';
import type { Logger } from '@drover/observability';
import { keptMemoryMiB, type HostMemory } from '../domain/capacity/capacity.policy.js';
import type { HostSettings } from './agent-settings.js';
import type { ReportLane } from './report-lane.reconciler.js';
import { pause } from './stopping.js';

/** An inventory as a registration tells it. */
export interface TakenInventory {
  readonly inventory: HostInventory;
  readonly inventoryDigest: string;
  /** The newest report that waits in the lane: what it says is older, and must not follow the registration. */
  readonly reportsThrough?: number;
}

/** What the host is made of, as last seen. Reports it when it has changed since it was told. One look after the other. */
export class InventoryReconciler {
  readonly #hypervisor: Hypervisor;
  readonly #host: HostSettings;
  readonly #lane: ReportLane;
  readonly #logger: Logger;
  #memory: HostMemory | undefined;
  #told = '';
  #last: HostInventory | undefined;
  #unusable = '[[],[]]';
  #isDue = false;
  #turns: Promise<unknown> = Promise.resolve();

  constructor(hypervisor: Hypervisor, host: HostSettings, lane: ReportLane, logger: Logger) {
    this.#hypervisor = hypervisor;
    this.#host = host;
    this.#lane = lane;
    this.#logger = logger;
  }

  /** Whether the hypervisor was seen since this agent was started. */
  get isKnown(): boolean {
    return this.#last !== undefined;
  }

  /** For a registration, which tells it. Undefined while the hypervisor of an agent that was just started is away. */
  take(): Promise<TakenInventory | undefined> {
    return this.#inTurn(async () => {
      const inventory = await this.#lookOrLast();
      if (inventory === undefined) return undefined;
      const inventoryDigest = inventoryDigestOf(inventory);
      this.#told = inventoryDigest;
      const reportsThrough = this.#lane.pending.at(-1)?.sequence;
      return { inventory, inventoryDigest, ...(reportsThrough === undefined ? {} : { reportsThrough }) };
    });
  }

  async memory(): Promise<HostMemory> {
    return this.#memory ?? this.#memoryOf(await this.#look());
  }

  /** Being called is a hint. */
  async reconcile(): Promise<void> {
    if (this.#isDue) return;
    this.#isDue = true;
    try {
      await this.#inTurn(async () => {
        this.#isDue = false;
        const inventory = await this.#look();
        const fingerprint = inventoryDigestOf(inventory);
        if (fingerprint === this.#told) return;
        this.#told = fingerprint;
        await this.#lane.append({ kind: 'inventory-changed', inventory });
      });
    } catch (error) {
      // The next registration or change tells it.
      this.#logger.warn('the inventory cannot be taken', { error });
    }
  }

  /** Looks now and then: nothing tells of a new image, or of a pool that can be used again. */
  async run(intervalMs: number, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await pause(intervalMs, stop);
      await this.reconcile();
    }
  }

  #inTurn<T>(body: () => Promise<T>): Promise<T> {
    const turn = this.#turns.then(body);
    // The caller of this turn gets its error; the next turn is taken all the same.
    this.#turns = turn.catch(() => undefined);
    return turn;
  }

  /** A host whose hypervisor is away for a while is registered with what it was before: that it is away, heartbeats tell. */
  async #lookOrLast(): Promise<HostInventory | undefined> {
    try {
      return await this.#look();
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'HYPERVISOR_UNAVAILABLE') throw error;
      return this.#last;
    }
  }

  async #look(): Promise<HostInventory> {
    const { controlPlaneMemoryMiB, machineId, name } = this.#host;
    const found = await this.#hypervisor.inventory();
    const reservedMemoryMiB = this.#host.reservedMemoryMiB ?? keptMemoryMiB(found.memoryMiB, controlPlaneMemoryMiB);
    const inventory = { ...found, name, machineId, reservedMemoryMiB };
    this.#memory = this.#memoryOf(inventory);
    this.#last = inventory;
    this.#logUnusable(inventory);
    return inventory;
  }

  #logUnusable({ pools, refusedImages: images = [] }: HostInventory): void {
    const unusable = pools.filter(({ problem }) => problem !== undefined);
    const found = JSON.stringify([unusable, images]);
    if (found === this.#unusable) return;
    this.#unusable = found;
    if (unusable.length + images.length === 0) this.#logger.info('every pool and image of this host can be used');
    else this.#logger.warn('pools or images of this host cannot be used', { pools: unusable, images });
  }

  #memoryOf({ hugePagesMiB, memoryMiB, reservedMemoryMiB }: HostInventory): HostMemory {
    return { memoryMiB, reservedMemoryMiB, hugePagesMiB, memoryOvercommitRatio: this.#host.memoryOvercommitRatio };
  }
}
