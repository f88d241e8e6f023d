import type { HostFilter } from './host.filter.js';

export const hypervisorFilter: HostFilter = {
  name: 'hypervisor',
  admits: ({ host }) => !host.isHypervisorLost,
  explain: () => ({ detail: 'the hypervisor of the host cannot be heard', numbers: {} }),
};
