import { domainOf } from './references.js';
import type { DomainKey, LibvirtSnapshot, Rpc } from './references.js';

export class Snapshots {
  readonly #rpc: Rpc;

  constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  /** @param flags of `snapshotCreateFlags`. */
  async create(key: DomainKey, xml = '<domainsnapshot/>', flags = 0): Promise<LibvirtSnapshot> {
    return (await this.#rpc.call('DOMAIN_SNAPSHOT_CREATE_XML', { dom: domainOf(key), xml_desc: xml, flags })).snap;
  }

  async list(key: DomainKey, flags = 0): Promise<readonly LibvirtSnapshot[]> {
    const args = { dom: domainOf(key), need_results: 1, flags };
    return (await this.#rpc.call('DOMAIN_LIST_ALL_SNAPSHOTS', args)).snapshots;
  }

  async lookupByName(key: DomainKey, name: string): Promise<LibvirtSnapshot> {
    return (await this.#rpc.call('DOMAIN_SNAPSHOT_LOOKUP_BY_NAME', { dom: domainOf(key), name, flags: 0 })).snap;
  }

  /** The one the domain would be compared with, or nothing. */
  async current(key: DomainKey): Promise<LibvirtSnapshot | undefined> {
    const dom = domainOf(key);
    const { result } = await this.#rpc.call('DOMAIN_HAS_CURRENT_SNAPSHOT', { dom, flags: 0 });
    return result === 0 ? undefined : (await this.#rpc.call('DOMAIN_SNAPSHOT_CURRENT', { dom, flags: 0 })).snap;
  }

  async parent(snap: LibvirtSnapshot): Promise<LibvirtSnapshot> {
    return (await this.#rpc.call('DOMAIN_SNAPSHOT_GET_PARENT', { snap, flags: 0 })).snap;
  }

  async children(snapshot: LibvirtSnapshot, flags = 0): Promise<readonly LibvirtSnapshot[]> {
    const args = { snapshot, need_results: 1, flags };
    return (await this.#rpc.call('DOMAIN_SNAPSHOT_LIST_ALL_CHILDREN', args)).snapshots;
  }

  async xml(snap: LibvirtSnapshot, flags = 0): Promise<string> {
    return (await this.#rpc.call('DOMAIN_SNAPSHOT_GET_XML_DESC', { snap, flags })).xml;
  }

  /** @param flags of `snapshotRevertFlags`. */
  async revert(snap: LibvirtSnapshot, flags = 0): Promise<void> {
    await this.#rpc.call('DOMAIN_REVERT_TO_SNAPSHOT', { snap, flags });
  }

  /** @param flags of `snapshotDeleteFlags`. */
  async delete(snap: LibvirtSnapshot, flags = 0): Promise<void> {
    await this.#rpc.call('DOMAIN_SNAPSHOT_DELETE', { snap, flags });
  }
}
