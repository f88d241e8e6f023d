import type { HostFilter } from './host.filter.js';

export const zoneFilter: HostFilter = {
  name: 'zone',
  admits: ({ host }, { placement }) => placement.zone === undefined || placement.zone === host.zone,
  explain: ({ host }, { placement }) => ({
    detail: `the VM asks for zone ${placement.zone}, the host is in ${host.zone ?? 'none'}`,
    numbers: {},
  }),
};
