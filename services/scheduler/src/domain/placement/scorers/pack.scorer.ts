import { leftPermille, type HostScorer } from './host.scorer.js';

/** Prefers the fullest host that still fits, so that others stay empty for large VMs or can be switched off. 0 to 1000 each. */
export const packScorer: HostScorer = {
  parts: ({ free, capacity }, { demand }) => ({
    usedCpu: 1000 - leftPermille(free.vcpus, demand.vcpus, capacity.vcpus),
    usedMemory: 1000 - leftPermille(free.memoryMiB, demand.memoryMiB, capacity.memoryMiB),
  }),
};
