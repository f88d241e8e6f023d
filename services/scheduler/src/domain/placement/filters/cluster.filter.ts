import type { HostFilter } from './host.filter.js';

export const clusterFilter: HostFilter = {
  name: 'cluster',
  admits: ({ host }, { placement }) => placement.cluster === undefined || placement.cluster === host.clusterId,
  explain: ({ host }, { placement }) => ({
    detail: `the VM asks for cluster ${placement.cluster}, the host is in ${host.clusterId}`,
    numbers: {},
  }),
};
