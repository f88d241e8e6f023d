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
export function capacityOf(inventory: Pick<HostInventory, 'cpu'> & HostMemory, overcommit: Overcommit): Resources {
  return {
    vcpus: Math.floor(inventory.cpu.count * overcommit.cpuRatio),
    memoryMiB: memoryCapacityMiB(inventory, overcommit),
  };
}

export type HostMemory = Pick<HostInventory, 'memoryMiB' | 'reservedMemoryMiB' | 'hugePagesMiB'>;

/** Memory that a host has to give to its VMs and their processes, in whole MiB, rounded down. */
export function memoryCapacityMiB(host: HostMemory, { memoryRatio }: Pick<Overcommit, 'memoryRatio'>): number {
  return Math.floor(Math.max(0, host.memoryMiB - host.reservedMemoryMiB - host.hugePagesMiB) * memoryRatio);
}

/** Thread stacks, device buffers and video memory; one vCPU's thread and state; page tables of the guest's memory. */
const PROCESS_MIB = 64;
const VCPU_MIB = 8;
const PAGE_TABLE_SHARE = 512;

/**
 * What the process of a VM takes of its host's memory: what the guest was given, and what QEMU needs beside it. The one
 * place where it is counted: for demand, for admission on the host and for domains that are not ours. Were two of them to
 * differ, the host would refuse what the scheduler places there, or run out of memory.
 */
export function processMemoryMiB({ vcpus, memoryMiB }: Resources): number {
  return memoryMiB + PROCESS_MIB + VCPU_MIB * vcpus + Math.ceil(memoryMiB / PAGE_TABLE_SHARE);
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
