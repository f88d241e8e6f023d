import type { HostFilter } from './host.filter.js';

export const networkFilter: HostFilter = {
  name: 'network',
  admits: ({ host }, { demand }) => demand.networks.every((network) => host.networks.has(network)),
  explain: ({ host }, { demand }) => ({
    detail: `the host has no network ${demand.networks.filter((name) => !host.networks.has(name)).join(', ')}`.slice(
      0,
      500,
    ),
    numbers: {},
  }),
};
