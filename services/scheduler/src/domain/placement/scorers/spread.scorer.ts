import { leftPermille, type HostScorer } from './host.scorer.js';

/** Prefers the emptiest host, so that the loss of one takes few VMs and each has room to grow. 0 to 1000 each. */
export const spreadScorer: HostScorer = {
  parts: ({ free, capacity }, { demand }) => ({
    freeCpu: leftPermille(free.vcpus, demand.vcpus, capacity.vcpus),
    freeMemory: leftPermille(free.memoryMiB, demand.memoryMiB, capacity.memoryMiB),
  }),
};
