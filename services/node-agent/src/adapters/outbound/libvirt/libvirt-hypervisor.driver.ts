import type { FleetId, ImageContents, ListedDomain, SettledDefinition, VmId, VolumeRef } from '@drover/contracts';
import type {
  Hypervisor,
  HypervisorLoad,
  HypervisorSignal,
  LeftVolume,
  ObservedVm,
  OwnershipMark,
  SeenVolume,
  VmDefinition,
  VolumeBook,
} from '@drover/hypervisor';
import type { LibvirtClient } from '@drover/libvirt-rpc';
import { DomainDefinitions } from './domains/domain-definitions.adapter.js';
import { listDomains } from './domains/domain-list.adapter.js';
import { DomainPower } from './domains/domain-power.adapter.js';
import { isActive } from './domains/domain-states.js';
import { readHeldMemoryMiB } from './domains/held-memory.adapter.js';
import { LibvirtDomains } from './domains/libvirt-domains.adapter.js';
import { listenToLibvirt } from './domains/libvirt-listeners.adapter.js';
import { LibvirtSignals } from './domains/libvirt-signals.adapter.js';
import { MacBook } from './domains/mac-book.js';
import { OwnDomains } from './domains/own-domains.adapter.js';
import { QemuProcesses } from './domains/qemu-processes.adapter.js';
import { UntrackedProcesses } from './domains/untracked-processes.adapter.js';
import { VmLoads } from './domains/vm-loads.adapter.js';
import { HostInventoryReader } from './host/host-inventory.adapter.js';
import { HostOffersReader } from './host/host-offers.adapter.js';
import { attempt, beforehand } from './libvirt-faults.js';
import { FileSums } from './storage/file-sums.adapter.js';
import { ImageDigests } from './storage/image-digests.adapter.js';
import { ImageStore } from './storage/image-store.adapter.js';
import { PoolStore, type OfferedPool } from './storage/pool-store.adapter.js';
import { VolumeStore } from './storage/volume-store.adapter.js';

/** The firmware of an emulated processor takes its time as well. */
const FIRMWARE_RESET_MS = { kvm: 1000, tcg: 3000 } as const;

export interface LibvirtHypervisorOptions {
  readonly client: LibvirtClient;
  readonly accelerator: 'kvm' | 'tcg';
  /** Holds a folder per image. */
  readonly imageFolder: string;
  /** Where the sums of their files are kept. Absent: in memory alone. */
  readonly imageSumsFile?: string;
  /** The host's `/run/libvirt`: processes that see this directory there are of this host. */
  readonly runFolder?: string;
  /** The only pools that this host offers. */
  readonly pools: readonly OfferedPool[];
  /** The only networks that this host offers. */
  readonly networks: readonly string[];
  /** The network filter of libvirt that every NIC gets. */
  readonly nicFilter?: string;
}

/** One host's libvirt and QEMU. */
export class LibvirtHypervisor implements Hypervisor {
  readonly kind = 'libvirt';
  readonly #client: LibvirtClient;
  readonly #options: LibvirtHypervisorOptions;
  readonly #domains: LibvirtDomains;
  readonly #images: ImageStore;
  readonly #volumes: VolumeStore;
  readonly #inventory: HostInventoryReader;
  readonly #vmLoads: VmLoads;
  readonly #processes: QemuProcesses;
  readonly #untracked: UntrackedProcesses;
  readonly #offers: HostOffersReader;
  readonly #own: OwnDomains;
  readonly #definitions: DomainDefinitions;
  readonly #power: DomainPower;
  readonly #macs = new MacBook();
  #connected: Promise<void> | undefined;
  #hasStood = false;
  #session:
    { readonly fleetId: FleetId; readonly signals: LibvirtSignals; readonly stopListening: () => void } | undefined;
  #onSignal: ((signal: HypervisorSignal) => void) | undefined;

  constructor(options: LibvirtHypervisorOptions) {
    this.#options = options;
    this.#client = options.client;
    this.#domains = new LibvirtDomains(options.client);
    this.#processes = new QemuProcesses(options.runFolder);
    this.#untracked = new UntrackedProcesses(this.#processes, this.#domains);
    this.#own = new OwnDomains(this.#domains, this.#untracked, () => this.#open().fleetId);
    this.#offers = new HostOffersReader(options.client, options.accelerator);
    this.#vmLoads = new VmLoads(options.client);
    const onRead = () => this.#onSignal?.({ kind: 'inventory-changed' });
    this.#images = new ImageStore(options.imageFolder, new ImageDigests(new FileSums(options.imageSumsFile), onRead));
    const pools = new PoolStore(options.client, options.pools);
    this.#volumes = new VolumeStore(options.client, this.#images, pools);
    this.#inventory = new HostInventoryReader({ ...options, images: this.#images, pools, offers: this.#offers });
    const parts = { client: options.client, domains: this.#domains, untracked: this.#untracked, own: this.#own };
    this.#power = new DomainPower(parts);
    this.#definitions = new DomainDefinitions({
      ...options,
      ...parts,
      offers: this.#offers,
      images: this.#images,
      volumes: this.#volumes,
      macs: this.#macs,
      onOwn: (vmId) => this.#open().signals.own(vmId),
    });
  }

  async open(fleetId: FleetId, onSignal: (signal: HypervisorSignal) => void): Promise<void> {
    await this.#connect();
    const signals = new LibvirtSignals(
      fleetId,
      async (vmId) => (await this.#domains.describe(vmId))?.mark?.fleetId,
      onSignal,
      { firmwareResetMs: FIRMWARE_RESET_MS[this.#options.accelerator], nowMs: () => performance.now() },
    );
    this.#session = {
      fleetId,
      signals,
      stopListening: await listenToLibvirt(this.#client, signals, this.#macs, onSignal),
    };
    this.#onSignal = onSignal;
    onSignal({ kind: 'connected' });
  }

  close(): Promise<void> {
    this.#session?.stopListening();
    this.#images.stop();
    this.#onSignal = undefined;
    this.#session = undefined;
    this.#connected = undefined;
    this.#hasStood = false;
    this.#client.close();
    return Promise.resolve();
  }

  async inventory(): ReturnType<Hypervisor['inventory']> {
    await this.#connect();
    return this.#inventory.inventory();
  }

  async load(): Promise<HypervisorLoad> {
    const { signals } = this.#open();
    const [host, vms] = await Promise.all([this.#inventory.load(), this.#vmLoads.read((vmId) => signals.isOwn(vmId))]);
    return { ...host, ...vms };
  }

  async list(): Promise<readonly ListedDomain[]> {
    const { fleetId, signals } = this.#open();
    const parts = { client: this.#client, domains: this.#domains, untracked: this.#untracked };
    return listDomains(parts, fleetId, (description, ownId) => {
      this.#macs.note(description);
      if (ownId !== undefined) signals.own(ownId);
    });
  }

  async heldMemoryMiB(): Promise<ReadonlyMap<string, number>> {
    // Read first: of a process that libvirt knows, libvirt's word counts.
    const processes = await this.#processes.all();
    const held = await readHeldMemoryMiB(this.#client);
    return new Map([...processes.map(({ uuid, memoryMiB }) => [uuid, memoryMiB] as const), ...held]);
  }

  async observe(vmId: VmId): Promise<ObservedVm> {
    const description = await this.#domains.describe(vmId);
    const powerState = description === undefined ? 'ABSENT' : await this.#domains.powerState(vmId);
    const mark = description?.mark === undefined ? {} : { mark: description.mark };
    const isUntracked = !isActive(powerState) && (await this.#untracked.of(vmId)) !== undefined;
    return isUntracked ? { powerState: 'UNRESPONSIVE', isUntracked, ...mark } : { powerState, ...mark };
  }

  async createVolumes(
    vm: VmDefinition,
    book: VolumeBook,
    onProgress: (percent: number) => void = () => undefined,
  ): Promise<void> {
    await this.#own.requireTracked(vm.vmId);
    await beforehand(() => this.#offers.require(vm.spec));
    for (const [index, disk] of vm.spec.disks.entries()) {
      await this.#volumes.create(vm.vmId, disk, book);
      onProgress(Math.round(((index + 1) * 100) / vm.spec.disks.length));
    }
  }

  async deleteVolumes(vmId: VmId, volumes: readonly VolumeRef[]): Promise<readonly LeftVolume[]> {
    await this.#own.require(vmId);
    await this.#own.requireTracked(vmId);
    return this.#volumes.delete(volumes);
  }

  inspectImage(name: string): Promise<ImageContents> {
    return this.#images.contents(name);
  }

  lookAtVolumes(volumes: readonly VolumeRef[]): Promise<readonly SeenVolume[]> {
    return this.#volumes.look(volumes);
  }

  define(vm: VmDefinition, mark: OwnershipMark): Promise<SettledDefinition> {
    return this.#definitions.define(vm, mark);
  }

  mark(vmId: VmId, mark: OwnershipMark): Promise<void> {
    return this.#definitions.mark(vmId, mark);
  }

  undefine(vmId: VmId): Promise<void> {
    return this.#definitions.undefine(vmId);
  }

  start(vmId: VmId): Promise<void> {
    return this.#power.start(vmId);
  }

  requestShutdown(vmId: VmId): Promise<void> {
    return this.#power.requestShutdown(vmId);
  }

  forceStop(vmId: VmId): Promise<void> {
    return this.#power.forceStop(vmId);
  }

  requestReboot(vmId: VmId): Promise<void> {
    return this.#power.requestReboot(vmId);
  }

  reset(vmId: VmId): Promise<void> {
    return this.#power.reset(vmId);
  }

  pause(vmId: VmId): Promise<void> {
    return this.#power.pause(vmId);
  }

  resume(vmId: VmId): Promise<void> {
    return this.#power.resume(vmId);
  }

  /** Connects once; after a failure the next call tries again. */
  async #connect(): Promise<void> {
    this.#connected ??= attempt('connect to libvirt', async () => {
      // A client that has stood once comes back by itself.
      if (!this.#hasStood) await this.#client.connect();
      this.#hasStood = true;
    });
    try {
      await this.#connected;
    } catch (error) {
      this.#connected = undefined;
      throw error;
    }
  }

  #open() {
    if (this.#session === undefined) throw new Error('the hypervisor is not open');
    return this.#session;
  }
}
