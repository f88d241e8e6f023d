import type { Hyper } from '../xdr/types.codec.js';
import type { LibvirtNodeDevice, Rpc } from './references.js';

/** The machine, what its hypervisor can do, and its devices. */
export class Host {
  readonly #rpc: Rpc;

  constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  /** 9.0.0 is 9000000; `versionText` writes it out. */
  async libVersion(): Promise<Hyper> {
    return (await this.#rpc.call('CONNECT_GET_LIB_VERSION', {})).lib_ver;
  }

  async hypervisorVersion(): Promise<Hyper> {
    return (await this.#rpc.call('CONNECT_GET_VERSION', {})).hv_ver;
  }

  async type(): Promise<string> {
    return (await this.#rpc.call('CONNECT_GET_TYPE', {})).type;
  }

  async hostname(): Promise<string> {
    return (await this.#rpc.call('CONNECT_GET_HOSTNAME', {})).hostname;
  }

  async uri(): Promise<string> {
    return (await this.#rpc.call('CONNECT_GET_URI', {})).uri;
  }

  /** Host CPU, topology, NUMA cells, security models and guest types, as XML. */
  async capabilities(): Promise<string> {
    return (await this.#rpc.call('CONNECT_GET_CAPABILITIES', {})).capabilities;
  }

  /** What a domain of this kind may have, as XML; `null` lets libvirt choose. */
  async domainCapabilities(
    of: { readonly emulator?: string; readonly arch?: string; readonly machine?: string; readonly type?: string } = {},
  ): Promise<string> {
    const reply = await this.#rpc.call('CONNECT_GET_DOMAIN_CAPABILITIES', {
      emulatorbin: of.emulator ?? null,
      arch: of.arch ?? null,
      machine: of.machine ?? null,
      virttype: of.type ?? null,
      flags: 0,
    });
    return reply.capabilities;
  }

  async sysinfo(): Promise<string> {
    return (await this.#rpc.call('CONNECT_GET_SYSINFO', { flags: 0 })).sysinfo;
  }

  async maxVcpus(type: string | null = null): Promise<number> {
    return (await this.#rpc.call('CONNECT_GET_MAX_VCPUS', { type })).max_vcpus;
  }

  async cpuModelNames(arch: string): Promise<readonly string[]> {
    return (await this.#rpc.call('CONNECT_GET_CPU_MODEL_NAMES', { arch, need_results: 1, flags: 0 })).models;
  }

  /** CPU model, memory in KiB, and how many of everything. */
  info() {
    return this.#rpc.call('NODE_GET_INFO', {});
  }

  /** Nanoseconds by kind since boot. @param cpu -1 for all together. */
  async cpuStats(cpu = -1): Promise<Readonly<Record<string, Hyper>>> {
    const ask = (nparams: number) => this.#rpc.call('NODE_GET_CPU_STATS', { cpuNum: cpu, nparams, flags: 0 });
    return byField((await ask((await ask(0)).nparams)).params);
  }

  /** KiB by kind. @param cell NUMA cell, -1 for all together. */
  async memoryStats(cell = -1): Promise<Readonly<Record<string, Hyper>>> {
    const ask = (nparams: number) => this.#rpc.call('NODE_GET_MEMORY_STATS', { nparams, cellNum: cell, flags: 0 });
    return byField((await ask((await ask(0)).nparams)).params);
  }

  /** Free memory in bytes, unlike most sizes of libvirt. */
  async freeMemoryBytes(): Promise<Hyper> {
    return (await this.#rpc.call('NODE_GET_FREE_MEMORY', {})).freeMem;
  }

  /** @param flags of `listNodeDevices`; 0 lists all. */
  async devices(flags = 0): Promise<readonly LibvirtNodeDevice[]> {
    return (await this.#rpc.call('CONNECT_LIST_ALL_NODE_DEVICES', { need_results: 1, flags })).devices;
  }

  async deviceXml(name: string): Promise<string> {
    return (await this.#rpc.call('NODE_DEVICE_GET_XML_DESC', { name, flags: 0 })).xml;
  }

  /** Takes a PCI device from its host driver, so that a domain may have it. */
  async detachDevice(name: string, driver: string | null = null): Promise<void> {
    await this.#rpc.call('NODE_DEVICE_DETACH_FLAGS', { name, driverName: driver, flags: 0 });
  }

  async reattachDevice(name: string): Promise<void> {
    await this.#rpc.call('NODE_DEVICE_RE_ATTACH', { name });
  }

  async resetDevice(name: string): Promise<void> {
    await this.#rpc.call('NODE_DEVICE_RESET', { name });
  }
}

function byField(
  params: readonly { readonly field: string; readonly value: Hyper }[],
): Readonly<Record<string, Hyper>> {
  return Object.fromEntries(params.map(({ field, value }) => [field, value]));
}
