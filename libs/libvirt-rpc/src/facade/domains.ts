import type { RpcStream } from '../connection/rpc-stream.js';
import { affects, metadataTypes } from './flags.js';
import { domainOf } from './references.js';
import type { DomainKey, LibvirtDomain, Rpc } from './references.js';

/** Life cycle, definition and devices of domains. Sizes of memory are in KiB, as libvirt has them. */
export class Domains {
  readonly #rpc: Rpc;

  constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  /** @param flags of `listDomains`; 0 lists all. */
  async list(flags = 0): Promise<readonly LibvirtDomain[]> {
    return (await this.#rpc.call('CONNECT_LIST_ALL_DOMAINS', { need_results: 1, flags })).domains;
  }

  async lookupByName(name: string): Promise<LibvirtDomain> {
    return (await this.#rpc.call('DOMAIN_LOOKUP_BY_NAME', { name })).dom;
  }

  async lookupByUuid(uuid: string): Promise<LibvirtDomain> {
    return (await this.#rpc.call('DOMAIN_LOOKUP_BY_UUID', { uuid })).dom;
  }

  async lookupById(id: number): Promise<LibvirtDomain> {
    return (await this.#rpc.call('DOMAIN_LOOKUP_BY_ID', { id })).dom;
  }

  /** Stores a definition; replaces that of a domain with the same name and UUID, whose running self it leaves alone. */
  async define(xml: string, flags = 0): Promise<LibvirtDomain> {
    return (await this.#rpc.call('DOMAIN_DEFINE_XML_FLAGS', { xml, flags })).dom;
  }

  /** Forgets the definition. A running domain goes on, transient from now on. */
  async undefine(key: DomainKey, flags = 0): Promise<void> {
    await this.#rpc.call('DOMAIN_UNDEFINE_FLAGS', { dom: domainOf(key), flags });
  }

  /** Starts a transient domain, which is forgotten when it stops. */
  async createXml(xml: string, flags = 0): Promise<LibvirtDomain> {
    return (await this.#rpc.call('DOMAIN_CREATE_XML', { xml_desc: xml, flags })).dom;
  }

  /** Starts a defined domain. */
  async create(key: DomainKey, flags = 0): Promise<LibvirtDomain> {
    return (await this.#rpc.call('DOMAIN_CREATE_WITH_FLAGS', { dom: domainOf(key), flags })).dom;
  }

  /** Asks the guest to shut down; it may take its time or never do it. */
  async shutdown(key: DomainKey, flags = 0): Promise<void> {
    await this.#rpc.call('DOMAIN_SHUTDOWN_FLAGS', { dom: domainOf(key), flags });
  }

  async reboot(key: DomainKey, flags = 0): Promise<void> {
    await this.#rpc.call('DOMAIN_REBOOT', { dom: domainOf(key), flags });
  }

  async reset(key: DomainKey): Promise<void> {
    await this.#rpc.call('DOMAIN_RESET', { dom: domainOf(key), flags: 0 });
  }

  /** Pulls the plug. Works on a hung QEMU too, after some 15 seconds. */
  async destroy(key: DomainKey, flags = 0): Promise<void> {
    await this.#rpc.call('DOMAIN_DESTROY_FLAGS', { dom: domainOf(key), flags });
  }

  async suspend(key: DomainKey): Promise<void> {
    await this.#rpc.call('DOMAIN_SUSPEND', { dom: domainOf(key) });
  }

  async resume(key: DomainKey): Promise<void> {
    await this.#rpc.call('DOMAIN_RESUME', { dom: domainOf(key) });
  }

  /** `domainStates` and the reason, whose meaning depends on the state. */
  state(key: DomainKey): Promise<{ readonly state: number; readonly reason: number }> {
    return this.#rpc.call('DOMAIN_GET_STATE', { dom: domainOf(key), flags: 0 });
  }

  info(key: DomainKey) {
    return this.#rpc.call('DOMAIN_GET_INFO', { dom: domainOf(key) });
  }

  /** Whether a job or a silent QEMU occupies the domain's monitor. */
  controlInfo(key: DomainKey) {
    return this.#rpc.call('DOMAIN_GET_CONTROL_INFO', { dom: domainOf(key), flags: 0 });
  }

  async xml(key: DomainKey, flags = 0): Promise<string> {
    return (await this.#rpc.call('DOMAIN_GET_XML_DESC', { dom: domainOf(key), flags })).xml;
  }

  async isActive(key: DomainKey): Promise<boolean> {
    return (await this.#rpc.call('DOMAIN_IS_ACTIVE', { dom: domainOf(key) })).active !== 0;
  }

  async isPersistent(key: DomainKey): Promise<boolean> {
    return (await this.#rpc.call('DOMAIN_IS_PERSISTENT', { dom: domainOf(key) })).persistent !== 0;
  }

  async autostart(key: DomainKey): Promise<boolean> {
    return (await this.#rpc.call('DOMAIN_GET_AUTOSTART', { dom: domainOf(key) })).autostart !== 0;
  }

  async setAutostart(key: DomainKey, isOn: boolean): Promise<void> {
    await this.#rpc.call('DOMAIN_SET_AUTOSTART', { dom: domainOf(key), autostart: isOn ? 1 : 0 });
  }

  async rename(key: DomainKey, newName: string): Promise<void> {
    await this.#rpc.call('DOMAIN_RENAME', { dom: domainOf(key), new_name: newName, flags: 0 });
  }

  /** The element of `<metadata>` with this namespace; fails with `NO_DOMAIN_METADATA` if there is none. */
  async metadata(key: DomainKey, uri: string, flags: number = affects.current): Promise<string> {
    const args = { dom: domainOf(key), type: metadataTypes.element, uri, flags };
    return (await this.#rpc.call('DOMAIN_GET_METADATA', args)).metadata;
  }

  /** Replaces the element of `<metadata>` with this namespace, or removes it (`null`). */
  async setMetadata(
    key: DomainKey,
    element: { readonly uri: string; readonly prefix: string; readonly xml: string | null },
    flags: number = affects.current,
  ): Promise<void> {
    const { uri, prefix, xml } = element;
    const args = { dom: domainOf(key), type: metadataTypes.element, metadata: xml, key: prefix, uri, flags };
    await this.#rpc.call('DOMAIN_SET_METADATA', args);
  }

  /** The title; fails with `NO_DOMAIN_METADATA` if there is none. */
  async title(key: DomainKey, flags: number = affects.current): Promise<string> {
    const args = { dom: domainOf(key), type: metadataTypes.title, uri: null, flags };
    return (await this.#rpc.call('DOMAIN_GET_METADATA', args)).metadata;
  }

  async setTitle(key: DomainKey, title: string | null, flags: number = affects.current): Promise<void> {
    const args = { dom: domainOf(key), type: metadataTypes.title, metadata: title, key: null, uri: null, flags };
    await this.#rpc.call('DOMAIN_SET_METADATA', args);
  }

  async attachDevice(key: DomainKey, xml: string, flags: number): Promise<void> {
    await this.#rpc.call('DOMAIN_ATTACH_DEVICE_FLAGS', { dom: domainOf(key), xml, flags });
  }

  /** Asks the guest to give the device up; `deviceRemoved` or `deviceRemovalFailed` tells the end of it. */
  async detachDevice(key: DomainKey, xml: string, flags: number): Promise<void> {
    await this.#rpc.call('DOMAIN_DETACH_DEVICE_FLAGS', { dom: domainOf(key), xml, flags });
  }

  async updateDevice(key: DomainKey, xml: string, flags: number): Promise<void> {
    await this.#rpc.call('DOMAIN_UPDATE_DEVICE_FLAGS', { dom: domainOf(key), xml, flags });
  }

  async setMemoryKiB(key: DomainKey, memoryKiB: number, flags: number): Promise<void> {
    await this.#rpc.call('DOMAIN_SET_MEMORY_FLAGS', { dom: domainOf(key), memory: memoryKiB, flags });
  }

  async setVcpus(key: DomainKey, count: number, flags: number): Promise<void> {
    await this.#rpc.call('DOMAIN_SET_VCPUS_FLAGS', { dom: domainOf(key), nvcpus: count, flags });
  }

  async vcpus(key: DomainKey, flags: number): Promise<number> {
    return (await this.#rpc.call('DOMAIN_GET_VCPUS_FLAGS', { dom: domainOf(key), flags })).num;
  }

  /** @param source 0 DHCP leases, 1 guest agent, 2 the host's ARP table. */
  async interfaceAddresses(key: DomainKey, source: 0 | 1 | 2) {
    return (await this.#rpc.call('DOMAIN_INTERFACE_ADDRESSES', { dom: domainOf(key), source, flags: 0 })).ifaces;
  }

  /** A serial console, both ways. Only one client at a time unless `force` (flag 1) takes it away from another. */
  async openConsole(key: DomainKey, device: string | null = null, flags = 0): Promise<RpcStream> {
    const args = { dom: domainOf(key), dev_name: device, flags };
    return (await this.#rpc.openStream('DOMAIN_OPEN_CONSOLE', args)).stream;
  }

  /** A picture of the screen; the type says of which kind (PPM or PNG). */
  async screenshot(key: DomainKey, screen = 0): Promise<{ readonly type: string | null; readonly image: RpcStream }> {
    const opened = await this.#rpc.openStream('DOMAIN_SCREENSHOT', { dom: domainOf(key), screen, flags: 0 });
    return { type: opened.reply.mime, image: opened.stream };
  }
}
