import {
  Rejected,
  errors,
  type FleetId,
  type ImageContents,
  type ListedDomain,
  type PowerState,
  type SettledDefinition,
  type VmId,
  type VolumeRef,
} from '@drover/contracts';
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
import {
  affects,
  errorCodes,
  metadataTypes,
  rebootFlags,
  shutdownFlags,
  undefineFlags,
  type LibvirtClient,
} from '@drover/libvirt-rpc';
import {
  diskSerial,
  MARK_NAMESPACE,
  MARK_PREFIX,
  markElement,
  settledDefinition,
  volumeName,
  writeDomain,
  writeXml,
} from '@drover/libvirt-xml';
import { listDomains } from './domain-list.adapter.js';
import { isActive } from './domain-states.js';
import { readHeldMemoryMiB } from './held-memory.adapter.js';
import { HostInventoryReader } from './host-inventory.adapter.js';
import { HostOffersReader } from './host-offers.adapter.js';
import { FileSums } from './file-sums.adapter.js';
import { ImageDigests } from './image-digests.adapter.js';
import { ImageStore } from './image-store.adapter.js';
import { domainRef, LibvirtDomains } from './libvirt-domains.adapter.js';
import { attempt, beforehand, isLibvirtCode, isUnanswered, orUndefined } from './libvirt-faults.js';
import { listenToLibvirt } from './libvirt-listeners.adapter.js';
import { LibvirtSignals } from './libvirt-signals.adapter.js';
import { MacBook } from './mac-book.js';
import { requireOfferedNetworks } from './offered-networks.policy.js';
import { PoolStore, type OfferedPool } from './pool-store.adapter.js';
import { QemuProcesses } from './qemu-processes.adapter.js';
import { UntrackedProcesses } from './untracked-processes.adapter.js';
import { VmLoads } from './vm-loads.adapter.js';
import { requireTrafficShaping } from './traffic-shaping.adapter.js';
import { whyNotStarted } from './missing-volumes.adapter.js';
import { VolumeStore } from './volume-store.adapter.js';

/** What libvirt keeps beside a definition goes with it. */
const UNDEFINE_ALL =
  undefineFlags.managedSave | undefineFlags.snapshotsMetadata | undefineFlags.nvram | undefineFlags.checkpointsMetadata;

/** A QEMU that lives answers at once when its guest is asked something; for the rest it may first have to finish I/O. */
const ASK_GUEST_MS = 5_000;
export const CHANGE_MS = 15_000;

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
    this.#offers = new HostOffersReader(options.client, options.accelerator);
    this.#vmLoads = new VmLoads(options.client);
    const onRead = () => this.#onSignal?.({ kind: 'inventory-changed' });
    this.#images = new ImageStore(options.imageFolder, new ImageDigests(new FileSums(options.imageSumsFile), onRead));
    const pools = new PoolStore(options.client, options.pools);
    this.#volumes = new VolumeStore(options.client, this.#images, pools);
    this.#inventory = new HostInventoryReader({ ...options, images: this.#images, pools, offers: this.#offers });
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
    await this.#requireTracked(vm.vmId);
    await beforehand(() => this.#offers.require(vm.spec));
    for (const [index, disk] of vm.spec.disks.entries()) {
      await this.#volumes.create(vm.vmId, disk, book);
      onProgress(Math.round(((index + 1) * 100) / vm.spec.disks.length));
    }
  }

  async deleteVolumes(vmId: VmId, volumes: readonly VolumeRef[]): Promise<readonly LeftVolume[]> {
    await this.#requireOurs(vmId);
    await this.#requireTracked(vmId);
    return this.#volumes.delete(volumes);
  }

  inspectImage(name: string): Promise<ImageContents> {
    return this.#images.contents(name);
  }

  lookAtVolumes(volumes: readonly VolumeRef[]): Promise<readonly SeenVolume[]> {
    return this.#volumes.look(volumes);
  }

  async define(vm: VmDefinition, mark: OwnershipMark): Promise<SettledDefinition> {
    await this.#requireOurs(vm.vmId);
    await this.#requireTracked(vm.vmId);
    await beforehand(() => this.#offers.require(vm.spec));
    requireOfferedNetworks(vm.spec.nics, this.#options.networks);
    await requireTrafficShaping(vm.spec.nics);
    this.#macs.take(vm.vmId, vm.spec.nics);
    const disks = await Promise.all(vm.spec.disks.map((disk) => this.#volumes.place(vm.vmId, disk)));
    const directKernel = (await this.#images.ofDisks(vm.spec.disks))[0]?.directKernel;
    const xml = writeDomain({
      vmId: vm.vmId,
      name: vm.name,
      spec: vm.spec,
      mark,
      accelerator: this.#options.accelerator,
      ...(this.#options.nicFilter === undefined ? {} : { nicFilter: this.#options.nicFilter }),
      disks,
      hasPanicDevice: await this.#offers.hasPanicDevice(),
      ...(directKernel === undefined ? {} : { directKernel }),
      ...(vm.settled === undefined ? {} : { settled: vm.settled }),
    });
    this.#open().signals.own(vm.vmId);
    await attempt('define the VM', () => this.#client.call('DOMAIN_DEFINE_XML_FLAGS', { xml, flags: 0 }));
    const description = await this.#domains.describe(vm.vmId);
    if (description !== undefined) this.#macs.note(description);
    if (description === undefined) {
      throw errors.HYPERVISOR_FAILED('unknown', 'the definition was gone as soon as it was made');
    }
    return settledDefinition(
      description,
      vm.spec.disks.map((disk) => ({
        name: disk.name,
        pool: disk.pool,
        volume: volumeName(vm.vmId, disk.name, disk.format),
        serial: diskSerial(vm.vmId, disk.name),
      })),
    );
  }

  async mark(vmId: VmId, mark: OwnershipMark): Promise<void> {
    await this.#requireOurs(vmId);
    const metadata = writeXml(markElement(mark));
    const flags = (await this.#domains.isActive(vmId)) ? affects.live | affects.config : affects.config;
    await attempt('mark the VM', () =>
      this.#client.call('DOMAIN_SET_METADATA', {
        dom: domainRef(vmId),
        type: metadataTypes.element,
        metadata,
        key: MARK_PREFIX,
        uri: MARK_NAMESPACE,
        flags,
      }),
    );
  }

  async undefine(vmId: VmId): Promise<void> {
    if (!(await this.#requireOurs(vmId))) return;
    await this.#requireTracked(vmId);
    await attempt('remove the definition', () =>
      orUndefined(
        this.#client.call('DOMAIN_UNDEFINE_FLAGS', { dom: domainRef(vmId), flags: UNDEFINE_ALL }),
        errorCodes.NO_DOMAIN,
      ),
    );
  }

  async start(vmId: VmId): Promise<void> {
    await this.#requireTracked(vmId);
    const create = () => this.#client.call('DOMAIN_CREATE_WITH_FLAGS', { dom: domainRef(vmId), flags: 0 });
    await this.#act(vmId, 'start the VM', ['RUNNING', 'PAUSED'], create).catch(async (error: unknown) => {
      throw await whyNotStarted(error, await this.#domains.describe(vmId));
    });
  }

  async requestShutdown(vmId: VmId): Promise<void> {
    await this.#act(vmId, 'ask the guest to power off', ['STOPPED', 'CRASHED'], () =>
      this.#client.call(
        'DOMAIN_SHUTDOWN_FLAGS',
        { dom: domainRef(vmId), flags: shutdownFlags.acpi },
        { timeoutMs: ASK_GUEST_MS },
      ),
    );
  }

  async forceStop(vmId: VmId): Promise<void> {
    if (await this.#requireOurs(vmId)) {
      await this.#act(vmId, 'stop the VM', ['STOPPED', 'CRASHED'], () =>
        this.#client.call('DOMAIN_DESTROY_FLAGS', { dom: domainRef(vmId), flags: 0 }),
      );
    }
    await this.#untracked.end(vmId);
  }

  async requestReboot(vmId: VmId): Promise<void> {
    await this.#act(vmId, 'ask the guest to reboot', [], () =>
      this.#client.call(
        'DOMAIN_REBOOT',
        { dom: domainRef(vmId), flags: rebootFlags.acpi },
        { timeoutMs: ASK_GUEST_MS },
      ),
    );
  }

  async reset(vmId: VmId): Promise<void> {
    await this.#act(vmId, 'reset the VM', [], () =>
      this.#client.call('DOMAIN_RESET', { dom: domainRef(vmId), flags: 0 }, { timeoutMs: CHANGE_MS }),
    );
  }

  async pause(vmId: VmId): Promise<void> {
    await this.#act(vmId, 'pause the VM', ['PAUSED'], () =>
      this.#client.call('DOMAIN_SUSPEND', { dom: domainRef(vmId) }, { timeoutMs: CHANGE_MS }),
    );
  }

  async resume(vmId: VmId): Promise<void> {
    await this.#act(vmId, 'resume the VM', ['RUNNING'], () =>
      this.#client.call('DOMAIN_RESUME', { dom: domainRef(vmId) }, { timeoutMs: CHANGE_MS }),
    );
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

  /** Calls; where libvirt says that the state does not allow it, being in one of `alreadySo` is success. */
  async #act(
    vmId: VmId,
    attempted: string,
    alreadySo: readonly PowerState[],
    call: () => Promise<unknown>,
  ): Promise<void> {
    await this.#requireOurs(vmId);
    await attempt(attempted, async () => {
      try {
        await call();
      } catch (error) {
        if (isUnanswered(error)) {
          throw errors.VM_UNRESPONSIVE('unknown', `${attempted}: its QEMU does not answer`, { cause: error });
        }
        if (!isLibvirtCode(error, errorCodes.OPERATION_INVALID)) throw error;
        if (!alreadySo.includes(await this.#domains.powerState(vmId))) throw error;
      }
    });
  }

  /** Refuses where a process of the VM runs that libvirt does not know: what was to be done was not. */
  #requireTracked(vmId: VmId): Promise<void> {
    return beforehand(() => this.#untracked.requireNone(vmId));
  }

  /** Whether there is such a domain; one that does not carry this fleet's mark is refused. */
  async #requireOurs(vmId: VmId): Promise<boolean> {
    const description = await beforehand(() => this.#domains.describe(vmId));
    if (description === undefined) return false;
    if (description.mark?.fleetId !== this.#open().fleetId) {
      throw new Rejected(
        errors.DOMAIN_FOREIGN(`domain ${vmId} does not carry the mark of this fleet; it was left alone`),
      );
    }
    return true;
  }

  #open() {
    if (this.#session === undefined) throw new Error('the hypervisor is not open');
    return this.#session;
  }
}
