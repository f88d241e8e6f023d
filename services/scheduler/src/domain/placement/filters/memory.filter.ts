import { missingPermille, type HostFilter } from './host.filter.js';

export const memoryFilter: HostFilter = {
  name: 'memory',
  admits: ({ free }, { demand }) => demand.memoryMiB <= free.memoryMiB,
  explain: ({ host, free, capacity, reserved, foreignMiB }, { demand }) => ({
    detail: `needs ${demand.memoryMiB} MiB, ${free.memoryMiB} of ${capacity.memoryMiB} MiB are free`,
    numbers: {
      neededMiB: demand.memoryMiB,
      freeMiB: free.memoryMiB,
      capacityMiB: capacity.memoryMiB,
      placedMiB: host.usage.resources.memoryMiB,
      reservedMiB: reserved.resources.memoryMiB,
      foreignMiB,
    },
    missingPermille: missingPermille(demand.memoryMiB, free.memoryMiB),
  }),
};
