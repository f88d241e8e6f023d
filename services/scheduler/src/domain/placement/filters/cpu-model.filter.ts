import type { HostFilter } from './host.filter.js';

/** A model that the host cannot give in full would start with features switched off, and not live long on the next host. */
export const cpuModelFilter: HostFilter = {
  name: 'cpu-model',
  admits: ({ host }, { demand }) =>
    demand.cpuModel === undefined || host.cpuModels === undefined || host.cpuModels.has(demand.cpuModel),
  explain: ({ host }, { demand }) => ({
    detail: `the host cannot give CPU model ${demand.cpuModel} in full with ${host.inventory.accelerator}`,
    numbers: { usableModels: host.cpuModels?.size ?? 0 },
  }),
};
