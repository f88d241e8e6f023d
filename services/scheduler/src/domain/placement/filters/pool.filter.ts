import type { HostFilter } from './host.filter.js';

/** The pools are there; whether they have room is asked by `pool-space`, much later, because it may change by itself. */
export const poolFilter: HostFilter = {
  name: 'pool',
  admits: ({ host }, { demand }) => {
    for (const pool in demand.pools) if (!host.pools.has(pool)) return false;
    return true;
  },
  explain: ({ host }, { demand }) => ({
    detail: `the host has no pool ${Object.keys(demand.pools)
      .filter((name) => !host.pools.has(name))
      .join(', ')}`.slice(0, 500),
    numbers: {},
  }),
};
