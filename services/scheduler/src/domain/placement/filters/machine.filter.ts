import { missingPermille, type HostFilter } from './host.filter.js';

/** Each machine type takes so many vCPUs and no more, however many the host has. */
export const machineFilter: HostFilter = {
  name: 'machine',
  admits: ({ host }, { demand }) => demand.vcpus <= (host.maxVcpus ?? Infinity),
  explain: ({ host }, { demand }) => {
    const maxVcpus = host.maxVcpus ?? Infinity;
    return {
      detail: `needs ${demand.vcpus} vCPUs, a VM of machine type ${host.inventory.offers?.newMachine} has at most ${maxVcpus}`,
      numbers: { neededVcpus: demand.vcpus, maxVcpus },
      missingPermille: missingPermille(demand.vcpus, maxVcpus),
    };
  },
};
