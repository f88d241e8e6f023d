import { readFile } from 'node:fs/promises';
import { cpus, freemem, totalmem } from 'node:os';
import type { HostInventory } from '@drover/contracts';
import type { Hypervisor, HypervisorLoad } from '@drover/hypervisor';
import { errorCodes, listNetworks, type LibvirtClient } from '@drover/libvirt-rpc';
import { isGpu, readHostCapabilities, readPciDevice } from '@drover/libvirt-xml';
import type { ImageStore } from './image-store.adapter.js';
import { attempt, isLibvirtCode } from './libvirt-faults.js';
import type { PoolStore } from './pool-store.adapter.js';

const MIB = 1024 ** 2;
/** `VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV`. */
const LIST_PCI_DEVICES = 1 << 1;

/** What this host is made of and how busy it is: from libvirt, and from the kernel where libvirt does not say. */
export class HostInventoryReader {
  readonly #client: LibvirtClient;
  readonly #images: ImageStore;
  readonly #pools: PoolStore;
  readonly #accelerator: 'kvm' | 'tcg';
  #cpuBefore = cpuTimes();

  constructor(client: LibvirtClient, images: ImageStore, pools: PoolStore, accelerator: 'kvm' | 'tcg') {
    this.#client = client;
    this.#images = images;
    this.#pools = pools;
    this.#accelerator = accelerator;
  }

  async inventory(): ReturnType<Hypervisor['inventory']> {
    return attempt('read the inventory', async () => {
      const [node, capabilities, cpuInfo, libvirt, hypervisor, networks, pools, images, pciDevices, memInfo] =
        await Promise.all([
          this.#client.call('NODE_GET_INFO', {}),
          this.#client.call('CONNECT_GET_CAPABILITIES', {}).then((reply) => readHostCapabilities(reply.capabilities)),
          readFile('/proc/cpuinfo', 'utf8'),
          this.#client.call('CONNECT_GET_LIB_VERSION', {}),
          this.#client.call('CONNECT_GET_VERSION', {}),
          this.#client.call('CONNECT_LIST_ALL_NETWORKS', { need_results: 1, flags: listNetworks.active }),
          this.#pools.list(),
          this.#images.list(),
          this.#pciDevices(),
          readFile('/proc/meminfo', 'utf8'),
        ]);
      return {
        hypervisor: 'libvirt' as const,
        accelerator: this.#accelerator,
        libvirtVersion: versionText(Number(libvirt.lib_ver)),
        qemuVersion: versionText(Number(hypervisor.hv_ver)),
        architecture: capabilities.architecture,
        cpu: {
          model: capabilities.cpuModel === '' ? node.model : capabilities.cpuModel,
          flags: cpuFlags(cpuInfo),
          sockets: Math.max(1, node.sockets * node.nodes),
          coresPerSocket: Math.max(1, node.cores),
          threadsPerCore: Math.max(1, node.threads),
          count: node.cpus,
          mhz: node.mhz,
        },
        memoryMiB: Math.floor(Number(node.memory) / 1024),
        hugePagesMiB: hugePagesMiB(memInfo),
        numa: capabilities.numa.map((cell) => ({ ...cell, cpus: [...cell.cpus] })),
        pciDevices: [...pciDevices],
        gpus: pciDevices.filter(isGpu).map((device) => device.address),
        pools: [...pools],
        networks: networks.nets.map((network) => network.name).sort(),
        ...images,
      };
    });
  }

  /** Of the host as a whole, since the last call. */
  async load(): Promise<Omit<HypervisorLoad, 'vms'>> {
    const [pools, memoryUsedMiB] = await Promise.all([
      attempt('read the pools', () => this.#pools.list()),
      usedMemoryMiB(),
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

  async #pciDevices(): Promise<HostInventory['pciDevices']> {
    try {
      const { devices } = await this.#client.call('CONNECT_LIST_ALL_NODE_DEVICES', {
        need_results: 1,
        flags: LIST_PCI_DEVICES,
      });
      const described = await Promise.all(
        devices.map(async (device) =>
          readPciDevice((await this.#client.call('NODE_DEVICE_GET_XML_DESC', { name: device.name, flags: 0 })).xml),
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

/** Pages of every size that are set aside, used or not. A kernel without them does not say so. */
function hugePagesMiB(memInfo: string): number {
  return Math.ceil(Number(/^Hugetlb:\s*(\d+) kB$/m.exec(memInfo)?.[1] ?? 0) / 1024);
}

/** All that is in use by anybody: memory that the kernel could give out at once is not. */
async function usedMemoryMiB(): Promise<number> {
  const available = /^MemAvailable:\s*(\d+) kB$/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1];
  const availableBytes = available === undefined ? freemem() : Number(available) * 1024;
  return Math.round((totalmem() - availableBytes) / MIB);
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
