import { vcpuCount, type Demand, type VmSpec } from '@drover/contracts';
import { processMemoryMiB } from './capacity.js';

type DemandingSpec = Pick<VmSpec, 'cpu' | 'memory' | 'firmware' | 'disks' | 'nics' | 'devices'>;

/**
 * What a VM needs of a host. The one that asks for a placement and the one that counts the VM afterwards must both derive it here,
 * or a reservation and the placement that it becomes would hold different amounts.
 *
 * How large a disk is that takes its size from its image, only the host knows: it is named next to the sums.
 */
export function demandOf(spec: DemandingSpec): Demand {
  const pools = new Map<string, number>();
  for (const disk of spec.disks) pools.set(disk.pool, (pools.get(disk.pool) ?? 0) + (disk.sizeMiB ?? 0));
  const sizedByImage = spec.disks.flatMap(({ image, pool, sizeMiB }) =>
    image === undefined || sizeMiB !== undefined ? [] : [{ pool, image }],
  );
  return {
    vcpus: vcpuCount(spec.cpu),
    memoryMiB: processMemoryMiB(spec.memory.sizeMiB),
    pools: Object.fromEntries(pools),
    networks: distinct(spec.nics.map((nic) => nic.network)),
    images: distinct(spec.disks.flatMap((disk) => disk.image ?? [])),
    ...(sizedByImage.length === 0 ? {} : { sizedByImage }),
    ...(spec.cpu.model === undefined ? {} : { cpuModel: spec.cpu.model }),
    firmware: spec.firmware.secureBoot === true ? 'uefi-secure' : spec.firmware.type,
    ...(spec.devices.tpm === undefined ? {} : { tpmVersion: spec.devices.tpm.version }),
  };
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)];
}
