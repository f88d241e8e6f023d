import type { Candidate } from '../candidate.state.js';
import type { HostFilter } from './host.filter.js';

/**
 * The pools are there and can be reached; whether they have room is asked by `pool-space`, much later, because it may change
 * by itself.
 */
export const poolFilter: HostFilter = {
  name: 'pool',
  admits: (candidate, { demand }) => {
    for (const pool in demand.pools) if (problemOf(candidate, pool) !== undefined) return false;
    return true;
  },
  explain: (candidate, { demand }) => ({
    detail: Object.keys(demand.pools)
      .flatMap((pool) => problemOf(candidate, pool) ?? [])
      .join('; ')
      .slice(0, 500),
    numbers: {},
  }),
};

function problemOf({ host }: Candidate, name: string): string | undefined {
  const pool = host.pools.get(name);
  if (pool === undefined) return `the host has no pool ${name}`;
  return pool.problem === undefined ? undefined : `pool ${name} cannot be used: ${pool.problem}`;
}
