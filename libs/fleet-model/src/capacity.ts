import type { HostInventory, HostLoad, Overcommit } from '@drover/contracts';

/** CPU time and memory: of a host, of a VM, or of many VMs together. */
export interface Resources {
  readonly vcpus: number;
  readonly memoryMiB: number;
}

export const NO_RESOURCES: Resources = { vcpus: 0, memoryMiB: 0 };

export function plus(a: Resources, b: Resources): Resources {
  return { vcpus: a.vcpus + b.vcpus, memoryMiB: a.memoryMiB + b.memoryMiB };
}

export function minus(a: Resources, b: Resources): Resources {
  return { vcpus: a.vcpus - b.vcpus, memoryMiB: a.memoryMiB - b.memoryMiB };
}

/** What a host has to give to VMs in all, whole units, rounded down. */
export function capacityOf(
  inventory: Pick<HostInventory, 'cpu' | 'memoryMiB' | 'reservedMemoryMiB'>,
  overcommit: Overcommit,
): Resources {
  return {
    vcpus: Math.floor(inventory.cpu.count * overcommit.cpuRatio),
    memoryMiB: Math.floor(Math.max(0, inventory.memoryMiB - inventory.reservedMemoryMiB) * overcommit.memoryRatio),
  };
}

/** Memory in use on a host by whatever is not one of our VMs: the host itself, and domains that are not ours. */
export function memoryBesideOursMiB(load: Pick<HostLoad, 'memoryUsedMiB' | 'vms'>): number {
  return Math.max(0, load.memoryUsedMiB - load.vms.reduce((sum, vm) => sum + vm.memoryMiB, 0));
}

/**
 * Memory of domains that are not ours, and of whatever else runs on the host beyond what is reserved for it
 * (safety.md 9: foreign domains are counted against capacity and never touched). Only the host's load tells of them.
 *
 * It is an estimate, old by one report and blind to a foreign domain that has not touched its memory yet; the agent has
 * the last word on what fits (safety.md 10).
 */
export function foreignMemoryMiB(besideOursMiB: number, inventory: Pick<HostInventory, 'reservedMemoryMiB'>): number {
  return Math.max(0, besideOursMiB - inventory.reservedMemoryMiB);
}
