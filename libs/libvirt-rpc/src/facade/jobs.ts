import { paramValues } from '../xdr/typed-params.codec.js';
import type { ParamValues, TypedParam } from '../xdr/typed-params.codec.js';
import type { Hyper } from '../xdr/types.codec.js';
import { migrateFlags } from './flags.js';
import { domainOf } from './references.js';
import type { DomainKey, Rpc } from './references.js';

const noCookie = new Uint8Array(0);

/** What a domain is busy with: live migration, save, backup, and the block jobs of its disks. */
export class Jobs {
  readonly #rpc: Rpc;

  constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  /** Type (0 none, 1 bounded, 2 unbounded, …) and progress by libvirt's names. @param flags 1: of the job that ended last. */
  async stats(key: DomainKey, flags = 0): Promise<{ readonly type: number; readonly values: ParamValues }> {
    const { type, params } = await this.#rpc.call('DOMAIN_GET_JOB_STATS', { dom: domainOf(key), flags });
    return { type, values: paramValues(params) };
  }

  async abort(key: DomainKey): Promise<void> {
    await this.#rpc.call('DOMAIN_ABORT_JOB', { dom: domainOf(key) });
  }

  /**
   * Moves a domain to another libvirt, which the daemon here contacts itself (peer to peer). Resolves when it is over.
   *
   * @param destination URI of the other libvirt, as seen from this host's daemon.
   * @param flags of `migrateFlags`; peer to peer is implied.
   * @param params such as `{ field: 'bandwidth', type: 'uhyper', value: 100 }`; the daemon refuses a wrong type.
   */
  async migrate(key: DomainKey, destination: string, flags: number, params: readonly TypedParam[] = []): Promise<void> {
    await this.#rpc.call('DOMAIN_MIGRATE_PERFORM3_PARAMS', {
      dom: domainOf(key),
      dconnuri: destination,
      params,
      cookie_in: noCookie,
      flags: flags | migrateFlags.peerToPeer,
    });
  }

  async startPostCopy(key: DomainKey): Promise<void> {
    await this.#rpc.call('DOMAIN_MIGRATE_START_POST_COPY', { dom: domainOf(key), flags: 0 });
  }

  async setMaxDowntimeMs(key: DomainKey, downtimeMs: number): Promise<void> {
    await this.#rpc.call('DOMAIN_MIGRATE_SET_MAX_DOWNTIME', { dom: domainOf(key), downtime: downtimeMs, flags: 0 });
  }

  async setMaxSpeedMiBps(key: DomainKey, bandwidth: number): Promise<void> {
    await this.#rpc.call('DOMAIN_MIGRATE_SET_MAX_SPEED', { dom: domainOf(key), bandwidth, flags: 0 });
  }

  /** Progress of a disk's block job, or nothing if it has none. */
  async block(key: DomainKey, disk: string) {
    const reply = await this.#rpc.call('DOMAIN_GET_BLOCK_JOB_INFO', { dom: domainOf(key), path: disk, flags: 0 });
    return reply.found === 0 ? undefined : reply;
  }

  /** @param flags 1: do not wait for the end; 2: switch to the copy. */
  async abortBlock(key: DomainKey, disk: string, flags = 0): Promise<void> {
    await this.#rpc.call('DOMAIN_BLOCK_JOB_ABORT', { dom: domainOf(key), path: disk, flags });
  }

  async blockCopy(
    key: DomainKey,
    disk: string,
    xml: string,
    params: readonly TypedParam[] = [],
    flags = 0,
  ): Promise<void> {
    await this.#rpc.call('DOMAIN_BLOCK_COPY', { dom: domainOf(key), path: disk, destxml: xml, params, flags });
  }

  async blockCommit(
    key: DomainKey,
    disk: string,
    layers: { readonly base: string | null; readonly top: string | null },
    flags = 0,
  ): Promise<void> {
    await this.#rpc.call('DOMAIN_BLOCK_COMMIT', { dom: domainOf(key), disk, ...layers, bandwidth: 0, flags });
  }

  async blockPull(key: DomainKey, disk: string, flags = 0): Promise<void> {
    await this.#rpc.call('DOMAIN_BLOCK_PULL', { dom: domainOf(key), path: disk, bandwidth: 0, flags });
  }

  /** @param flags 1: the size is in bytes and not in KiB. */
  async blockResize(key: DomainKey, disk: string, size: Hyper, flags = 1): Promise<void> {
    await this.#rpc.call('DOMAIN_BLOCK_RESIZE', { dom: domainOf(key), disk, size, flags });
  }
}
