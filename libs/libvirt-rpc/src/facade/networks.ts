import type { LibvirtNetwork, Rpc } from './references.js';

export class Networks {
  readonly #rpc: Rpc;

  constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  /** @param flags of `listNetworks`; 0 lists all. */
  async list(flags = 0): Promise<readonly LibvirtNetwork[]> {
    return (await this.#rpc.call('CONNECT_LIST_ALL_NETWORKS', { need_results: 1, flags })).nets;
  }

  async lookupByName(name: string): Promise<LibvirtNetwork> {
    return (await this.#rpc.call('NETWORK_LOOKUP_BY_NAME', { name })).net;
  }

  async lookupByUuid(uuid: string): Promise<LibvirtNetwork> {
    return (await this.#rpc.call('NETWORK_LOOKUP_BY_UUID', { uuid })).net;
  }

  async define(xml: string, flags = 0): Promise<LibvirtNetwork> {
    return (await this.#rpc.call('NETWORK_DEFINE_XML_FLAGS', { xml, flags })).net;
  }

  /** Defines and starts a network that is forgotten when it stops. */
  async createXml(xml: string, flags = 0): Promise<LibvirtNetwork> {
    return (await this.#rpc.call('NETWORK_CREATE_XML_FLAGS', { xml, flags })).net;
  }

  /** Starts a defined network. */
  async create(net: LibvirtNetwork): Promise<void> {
    await this.#rpc.call('NETWORK_CREATE', { net });
  }

  async destroy(net: LibvirtNetwork): Promise<void> {
    await this.#rpc.call('NETWORK_DESTROY', { net });
  }

  async undefine(net: LibvirtNetwork): Promise<void> {
    await this.#rpc.call('NETWORK_UNDEFINE', { net });
  }

  async xml(net: LibvirtNetwork, flags = 0): Promise<string> {
    return (await this.#rpc.call('NETWORK_GET_XML_DESC', { net, flags })).xml;
  }

  async bridgeName(net: LibvirtNetwork): Promise<string> {
    return (await this.#rpc.call('NETWORK_GET_BRIDGE_NAME', { net })).name;
  }

  async isActive(net: LibvirtNetwork): Promise<boolean> {
    return (await this.#rpc.call('NETWORK_IS_ACTIVE', { net })).active !== 0;
  }

  async setAutostart(net: LibvirtNetwork, isOn: boolean): Promise<void> {
    await this.#rpc.call('NETWORK_SET_AUTOSTART', { net, autostart: isOn ? 1 : 0 });
  }

  /** @param mac of one interface, or of all. */
  async dhcpLeases(net: LibvirtNetwork, mac: string | null = null) {
    return (await this.#rpc.call('NETWORK_GET_DHCP_LEASES', { net, mac, need_results: 1, flags: 0 })).leases;
  }
}
