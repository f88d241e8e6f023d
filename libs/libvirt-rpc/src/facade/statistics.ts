import { paramValues } from '../xdr/typed-params.codec.js';
import type { ParamValues } from '../xdr/typed-params.codec.js';
import type { Hyper } from '../xdr/types.codec.js';
import { statsFlags, typedParamStringOkay } from './flags.js';
import { domainOf } from './references.js';
import type { DomainKey, LibvirtDomain, Rpc } from './references.js';

export interface DomainStatistics {
  readonly domain: LibvirtDomain;
  /** By libvirt's names: `state.state`, `cpu.time`, `block.0.rd.bytes`, … */
  readonly values: ParamValues;
}

const memoryTags = [
  'swapIn',
  'swapOut',
  'majorFault',
  'minorFault',
  'unused',
  'available',
  'actualBalloon',
  'rss',
  'usable',
  'lastUpdate',
  'diskCaches',
  'hugetlbAllocated',
  'hugetlbFailed',
] as const;

export type MemoryStatistics = Readonly<Partial<Record<(typeof memoryTags)[number], Hyper>>>;

export class Statistics {
  readonly #rpc: Rpc;

  constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  /**
   * Statistics of many domains in one call.
   *
   * @param groups of `statsGroups`; 0 is all.
   * @param flags of `statsFlags`. By default a domain whose QEMU is busy or hung is answered with what is known without it.
   * @param domains which; all if empty.
   */
  async all(
    groups = 0,
    flags: number = statsFlags.nowait,
    domains: readonly DomainKey[] = [],
    options: { readonly timeoutMs?: number } = {},
  ): Promise<readonly DomainStatistics[]> {
    const args = { doms: domains.map(domainOf), stats: groups, flags };
    const { retStats } = await this.#rpc.call('CONNECT_GET_ALL_DOMAIN_STATS', args, options);
    return retStats.map(({ dom, params }) => ({ domain: dom, values: paramValues(params) }));
  }

  /** KiB and counters, as far as QEMU and the guest's balloon driver know them. */
  async memory(key: DomainKey): Promise<MemoryStatistics> {
    const args = { dom: domainOf(key), maxStats: memoryTags.length, flags: 0 };
    const { stats } = await this.#rpc.call('DOMAIN_MEMORY_STATS', args);
    return Object.fromEntries(
      stats.flatMap(({ tag, val }) => {
        const name = memoryTags[tag];
        return name === undefined ? [] : [[name, val]];
      }),
    );
  }

  /** Counters of one disk. @param disk its target (`vda`) or path. */
  async block(key: DomainKey, disk: string): Promise<ParamValues> {
    const args = { dom: domainOf(key), path: disk, nparams: 16, flags: typedParamStringOkay };
    return paramValues((await this.#rpc.call('DOMAIN_BLOCK_STATS_FLAGS', args)).params);
  }

  /** Bytes of one disk: capacity as the guest sees it, allocation and physical size on the host. */
  blockInfo(key: DomainKey, disk: string) {
    return this.#rpc.call('DOMAIN_GET_BLOCK_INFO', { dom: domainOf(key), path: disk, flags: 0 });
  }

  /** Nanoseconds of all CPUs together. Needs cgroups. */
  async cpu(key: DomainKey): Promise<ParamValues> {
    const args = { dom: domainOf(key), nparams: 16, start_cpu: -1, ncpus: 1, flags: typedParamStringOkay };
    return paramValues((await this.#rpc.call('DOMAIN_GET_CPU_STATS', args)).params);
  }

  /** Which vCPU runs where, and for how long it has. */
  async vcpus(key: DomainKey, max: number) {
    const args = { dom: domainOf(key), maxinfo: max, maplen: 0 };
    return (await this.#rpc.call('DOMAIN_GET_VCPUS', args)).info;
  }

  /** Counters of one interface, as the host sees it. @param device its target (`vnet0`) or MAC address. */
  network(key: DomainKey, device: string) {
    return this.#rpc.call('DOMAIN_INTERFACE_STATS', { dom: domainOf(key), device });
  }
}
