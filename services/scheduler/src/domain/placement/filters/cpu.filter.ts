import { missingPermille, type HostFilter } from './host.filter.js';

/**
 * vCPUs share logical CPUs, so more are promised than there are; but a single VM gets no more vCPUs than the host has
 * logical CPUs, because its own vCPUs would then wait for each other (a guest that spins on a lock held by a vCPU that
 * does not run makes no progress at all).
 */
export const cpuFilter: HostFilter = {
  name: 'cpu',
  admits: ({ host, free }, { demand }) => demand.vcpus <= free.vcpus && demand.vcpus <= host.inventory.cpu.count,
  explain: ({ host, free, capacity, reserved }, { demand }) => {
    const logical = host.inventory.cpu.count;
    return {
      detail:
        demand.vcpus > logical
          ? `needs ${demand.vcpus} vCPUs in one VM, the host has ${logical} logical CPUs`
          : `needs ${demand.vcpus} vCPUs, ${free.vcpus} of ${capacity.vcpus} are free`,
      numbers: {
        neededVcpus: demand.vcpus,
        freeVcpus: free.vcpus,
        capacityVcpus: capacity.vcpus,
        placedVcpus: host.usage.resources.vcpus,
        reservedVcpus: reserved.resources.vcpus,
        logicalCpus: logical,
      },
      missingPermille: missingPermille(demand.vcpus, Math.min(free.vcpus, logical)),
    };
  },
};
