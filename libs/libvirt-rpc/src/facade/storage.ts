import type { RpcStream } from '../connection/rpc-stream.js';
import type { Hyper } from '../xdr/types.codec.js';
import type { LibvirtPoolRef, LibvirtVolume, Rpc } from './references.js';

export class StoragePools {
  readonly #rpc: Rpc;

  constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  /** @param flags of `listPools`; 0 lists all. */
  async list(flags = 0): Promise<readonly LibvirtPoolRef[]> {
    return (await this.#rpc.call('CONNECT_LIST_ALL_STORAGE_POOLS', { need_results: 1, flags })).pools;
  }

  async lookupByName(name: string): Promise<LibvirtPoolRef> {
    return (await this.#rpc.call('STORAGE_POOL_LOOKUP_BY_NAME', { name })).pool;
  }

  async lookupByUuid(uuid: string): Promise<LibvirtPoolRef> {
    return (await this.#rpc.call('STORAGE_POOL_LOOKUP_BY_UUID', { uuid })).pool;
  }

  async define(xml: string): Promise<LibvirtPoolRef> {
    return (await this.#rpc.call('STORAGE_POOL_DEFINE_XML', { xml, flags: 0 })).pool;
  }

  /** Defines and starts a pool that is forgotten when it stops. */
  async createXml(xml: string, flags = 0): Promise<LibvirtPoolRef> {
    return (await this.#rpc.call('STORAGE_POOL_CREATE_XML', { xml, flags })).pool;
  }

  /** Makes the directory or file system behind the pool. */
  async build(pool: LibvirtPoolRef, flags = 0): Promise<void> {
    await this.#rpc.call('STORAGE_POOL_BUILD', { pool, flags });
  }

  /** Starts a defined pool. */
  async create(pool: LibvirtPoolRef, flags = 0): Promise<void> {
    await this.#rpc.call('STORAGE_POOL_CREATE', { pool, flags });
  }

  /** Stops the pool; its data stays. */
  async destroy(pool: LibvirtPoolRef): Promise<void> {
    await this.#rpc.call('STORAGE_POOL_DESTROY', { pool });
  }

  async undefine(pool: LibvirtPoolRef): Promise<void> {
    await this.#rpc.call('STORAGE_POOL_UNDEFINE', { pool });
  }

  /** Removes what is behind a stopped pool; its data is gone. */
  async delete(pool: LibvirtPoolRef, flags = 0): Promise<void> {
    await this.#rpc.call('STORAGE_POOL_DELETE', { pool, flags });
  }

  /** Looks again which volumes there are; needed after files came or went without libvirt. */
  async refresh(pool: LibvirtPoolRef): Promise<void> {
    await this.#rpc.call('STORAGE_POOL_REFRESH', { pool, flags: 0 });
  }

  /** State and bytes. */
  info(pool: LibvirtPoolRef) {
    return this.#rpc.call('STORAGE_POOL_GET_INFO', { pool });
  }

  async xml(pool: LibvirtPoolRef, flags = 0): Promise<string> {
    return (await this.#rpc.call('STORAGE_POOL_GET_XML_DESC', { pool, flags })).xml;
  }

  async setAutostart(pool: LibvirtPoolRef, isOn: boolean): Promise<void> {
    await this.#rpc.call('STORAGE_POOL_SET_AUTOSTART', { pool, autostart: isOn ? 1 : 0 });
  }

  async volumes(pool: LibvirtPoolRef): Promise<readonly LibvirtVolume[]> {
    return (await this.#rpc.call('STORAGE_POOL_LIST_ALL_VOLUMES', { pool, need_results: 1, flags: 0 })).vols;
  }
}

export class Volumes {
  readonly #rpc: Rpc;

  constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  async lookupByName(pool: LibvirtPoolRef, name: string): Promise<LibvirtVolume> {
    return (await this.#rpc.call('STORAGE_VOL_LOOKUP_BY_NAME', { pool, name })).vol;
  }

  async lookupByPath(path: string): Promise<LibvirtVolume> {
    return (await this.#rpc.call('STORAGE_VOL_LOOKUP_BY_PATH', { path })).vol;
  }

  async lookupByKey(key: string): Promise<LibvirtVolume> {
    return (await this.#rpc.call('STORAGE_VOL_LOOKUP_BY_KEY', { key })).vol;
  }

  async create(pool: LibvirtPoolRef, xml: string, flags = 0): Promise<LibvirtVolume> {
    return (await this.#rpc.call('STORAGE_VOL_CREATE_XML', { pool, xml, flags })).vol;
  }

  /** Copies a volume, also from another pool. Takes as long as the data does. */
  async createFrom(pool: LibvirtPoolRef, xml: string, source: LibvirtVolume, flags = 0): Promise<LibvirtVolume> {
    return (await this.#rpc.call('STORAGE_VOL_CREATE_XML_FROM', { pool, xml, clonevol: source, flags })).vol;
  }

  async delete(volume: LibvirtVolume, flags = 0): Promise<void> {
    await this.#rpc.call('STORAGE_VOL_DELETE', { vol: volume, flags });
  }

  async resize(volume: LibvirtVolume, capacityBytes: Hyper, flags = 0): Promise<void> {
    await this.#rpc.call('STORAGE_VOL_RESIZE', { vol: volume, capacity: capacityBytes, flags });
  }

  /** Type (`volumeTypes`) and bytes. */
  info(volume: LibvirtVolume) {
    return this.#rpc.call('STORAGE_VOL_GET_INFO', { vol: volume });
  }

  async xml(volume: LibvirtVolume): Promise<string> {
    return (await this.#rpc.call('STORAGE_VOL_GET_XML_DESC', { vol: volume, flags: 0 })).xml;
  }

  async path(volume: LibvirtVolume): Promise<string> {
    return (await this.#rpc.call('STORAGE_VOL_GET_PATH', { vol: volume })).name;
  }

  /** A writable stream; the data is stored when it emits `finish`. @param length 0 for as much as comes. */
  async upload(volume: LibvirtVolume, offset: Hyper = 0, length: Hyper = 0): Promise<RpcStream> {
    return (await this.#rpc.openStream('STORAGE_VOL_UPLOAD', { vol: volume, offset, length, flags: 0 })).stream;
  }

  /** A readable stream and async iterable of the raw bytes. @param length 0 for all there is. */
  async download(volume: LibvirtVolume, offset: Hyper = 0, length: Hyper = 0): Promise<RpcStream> {
    return (await this.#rpc.openStream('STORAGE_VOL_DOWNLOAD', { vol: volume, offset, length, flags: 0 })).stream;
  }
}
