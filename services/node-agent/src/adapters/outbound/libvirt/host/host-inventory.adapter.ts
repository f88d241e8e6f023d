import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import type { HostInventory } from '@drover/contracts';
import type { Hypervisor, HypervisorLoad } from '@drover/hypervisor';
import { errorCodes, listNetworks, type LibvirtClient } from '@drover/libvirt-rpc';
import { isGpu, readPciDevice } from '@drover/libvirt-xml';
import { readKernelMemory } from './host-memory.adapter.js';
import type { HostOffersReader } from './host-offers.adapter.js';
import type { ImageStore } from '../storage/image-store.adapter.js';
import { attempt, isLibvirtCode } from '../libvirt-faults.js';
import type { PoolStore } from '../storage/pool-store.adapter.js';
import { ToldProblems } from './told-problems.js';

/** `VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV`. */
const LIST_PCI_DEVICES = 1 << 1;

export interface HostInventoryParts {
  readonly client: LibvirtClient;
  readonly images: ImageStore;
  readonly pools: PoolStore;
  readonly offers: HostOffersReader;
  /** The only networks that are told of. */
  readonly networks: readonly string[];
  readonly accelerator: 'kvm' | 'tcg';
}

/** What this host is made of and how busy it is: from libvirt, and from the kernel where libvirt does not say. */
export class HostInventoryReader {
  readonly #client: LibvirtClient;
  readonly #images: ImageStore;
  readonly #pools: PoolStore;
  readonly #offers: HostOffersReader;
  readonly #offeredNetworks: readonly string[];
  readonly #accelerator: 'kvm' | 'tcg';
  #cpuBefore = cpuTimes();

  constructor(parts: HostInventoryParts) {
    this.#client = parts.client;
    this.#images = parts.images;
    this.#pools = parts.pools;
    this.#offers = parts.offers;
    this.#offeredNetworks = parts.networks;
    this.#accelerator = parts.accelerator;
  }

  async inventory(): ReturnType<Hypervisor['inventory']> {
    const problems = new ToldProblems();
    return attempt('read the inventory', async () => {
      const [node, capabilities, cpuInfo, libvirt, hypervisor, memory, pools, images] = await Promise.all([
        this.#client.call('NODE_GET_INFO', {}),
        this.#offers.hostCapabilities(),
        readFile('/proc/cpuinfo', 'utf8'),
        this.#client.call('CONNECT_GET_LIB_VERSION', {}),
        this.#client.call('CONNECT_GET_VERSION', {}),
        readKernelMemory(),
        this.#pools.list(),
        this.#images.list(),
      ]);
      const [offers, networks = [], pciDevices = []] = await Promise.all([
        problems.orTell('what domains can have', () => this.#offers.read(capabilities)),
        problems.orTell('networks', () => this.#networks()),
        problems.orTell('devices', () => this.#pciDevices(problems)),
      ]);
      const devices = problems.upTo(512, 'devices', pciDevices);
      return {
        hypervisor: 'libvirt' as const,
        accelerator: this.#accelerator,
        libvirtVersion: versionText(Number(libvirt.lib_ver)),
        qemuVersion: versionText(Number(hypervisor.hv_ver)),
        architecture: capabilities.architecture,
        cpu: {
          model: capabilities.cpuModel === '' ? node.model : capabilities.cpuModel,
          flags: cpuFlags(cpuInfo).slice(0, 1000),
          sockets: Math.max(1, node.sockets * node.nodes),
          coresPerSocket: Math.max(1, node.cores),
          threadsPerCore: Math.max(1, node.threads),
          count: node.cpus,
          mhz: node.mhz,
        },
        ...(offers === undefined ? {} : { offers }),
        memoryMiB: memory.memoryMiB,
        hugePagesMiB: memory.hugePagesMiB,
        numa: problems.upTo(64, 'NUMA cells', capabilities.numa).map((cell) => ({
          ...cell,
          cpus: cell.cpus.slice(0, 1024),
        })),
        pciDevices: devices,
        gpus: devices
          .filter(isGpu)
          .map((device) => device.address)
          .slice(0, 64),
        pools: problems.upTo(100, 'pools', pools),
        networks: problems.upTo(500, 'networks', networks),
        ...images,
        ...(problems.told.length === 0 ? {} : { problems: [...problems.told] }),
      };
    });
  }

  /** Of the host as a whole, since the last call. */
  async load(): Promise<Omit<HypervisorLoad, 'vms'>> {
    const [pools, { usedMiB: memoryUsedMiB }] = await Promise.all([
      attempt('read the pools', () => this.#pools.list()),
      readKernelMemory(),
    ]);
    const now = cpuTimes();
    const share = (now.busy - this.#cpuBefore.busy) / Math.max(1, now.total - this.#cpuBefore.total);
    this.#cpuBefore = now;
    return {
      cpuUsedMillicores: Math.round(share * cpus().length * 1000),
      memoryUsedMiB,
      pools: pools.flatMap(({ availableMiB, capacityMiB, name, problem }) =>
        problem === undefined ? [{ name, capacityMiB, availableMiB }] : [],
      ),
    };
  }

  async #networks(): Promise<string[]> {
    const { nets } = await this.#client.call('CONNECT_LIST_ALL_NETWORKS', {
      need_results: 1,
      flags: listNetworks.active,
    });
    return nets.flatMap(({ name }) => (this.#offeredNetworks.includes(name) ? [name] : [])).sort();
  }

  async #pciDevices(problems: ToldProblems): Promise<HostInventory['pciDevices']> {
    try {
      const { devices } = await this.#client.call('CONNECT_LIST_ALL_NODE_DEVICES', {
        need_results: 1,
        flags: LIST_PCI_DEVICES,
      });
      const described = await Promise.all(
        devices.map(({ name }) =>
          problems.orTell(`device ${name}`, async () =>
            readPciDevice((await this.#client.call('NODE_DEVICE_GET_XML_DESC', { name, flags: 0 })).xml),
          ),
        ),
      );
      return described.filter((device) => device !== undefined).sort((a, b) => (a.address < b.address ? -1 : 1));
    } catch (error) {
      // A libvirt without the node device driver knows of no devices; the host still runs VMs.
      if (isLibvirtCode(error, errorCodes.NO_SUPPORT)) return [];
      throw error;
    }
  }
}

/** `7002001` is 7.2.1. */
function versionText(version: number): string {
  return `${Math.floor(version / 1_000_000)}.${Math.floor(version / 1000) % 1000}.${version % 1000}`;
}

function cpuFlags(cpuInfo: string): string[] {
  return (/^flags\s*:\s*(.*)$/m.exec(cpuInfo)?.[1] ?? '').split(' ').filter((flag) => flag !== '');
}

function cpuTimes(): { readonly busy: number; readonly total: number } {
  let busy = 0;
  let total = 0;
  for (const { times } of cpus()) {
    const sum = times.user + times.nice + times.sys + times.idle + times.irq;
    total += sum;
    busy += sum - times.idle;
  }
  return { busy, total };
}
