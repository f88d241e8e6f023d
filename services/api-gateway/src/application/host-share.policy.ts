import type { HostResource, HostShare } from '@drover/contracts';

/** What a host was given of what it has. */
export function shareOf(host: HostResource): HostShare {
  const { inventory } = host;
  return {
    hostId: host.id,
    name: host.name,
    zone: host.zone,
    liveness: host.liveness.state,
    isCordoned: host.cordon !== null,
    allocated: host.allocated,
    capacity: {
      cpus: inventory.cpu.count,
      memoryMiB: Math.max(0, inventory.memoryMiB - inventory.reservedMemoryMiB),
    },
  };
}
