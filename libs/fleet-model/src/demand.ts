import { vcpuCount, type Demand, type VmSpec } from '@drover/contracts';

/**
 * What a VM needs of a host. Whoever asks for a placement and whoever counts the VM afterwards must both derive it here,
 * or a reservation and the placement that it becomes would hold different amounts.
 *
 * A disk that takes its size from its image asks only that its pool exists: how large it is, only the host knows.
 */
export function demandOf(spec: Pick<VmSpec, 'cpu' | 'memory' | 'disks' | 'nics'>): Demand {
  const pools: Record<string, number> = {};
  for (const disk of spec.disks) pools[disk.pool] = (pools[disk.pool] ?? 0) + (disk.sizeMiB ?? 0);
  return {
    vcpus: vcpuCount(spec.cpu),
    memoryMiB: spec.memory.sizeMiB,
    pools,
    networks: distinct(spec.nics.map((nic) => nic.network)),
    images: distinct(spec.disks.flatMap((disk) => disk.image ?? [])),
  };
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)];
}
