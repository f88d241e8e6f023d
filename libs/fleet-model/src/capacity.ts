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

/** Code, device buffers, video memory and threads of a QEMU, whatever its guest. */
const PROCESS_MIB = 96;
/** One MiB of page tables and bookkeeping for so many MiB of the guest's memory. */
const GUEST_MIB_PER_MIB = 256;

/**
 * What the process of a VM takes of its host's memory: what the guest was given, and what QEMU needs on top of it. The one
 * place where it is counted: for demand, for admission on the host and for domains that are not ours. Were two of them to
 * differ, the host would refuse what the scheduler places there, or run out of memory.
 */
export function processMemoryMiB(guestMiB: number): number {
  return guestMiB + PROCESS_MIB + Math.ceil(guestMiB / GUEST_MIB_PER_MIB);
}

/** Memory in use on a host by whatever is not one of our VMs: the host itself, and domains that are not ours. */
export function memoryBesideOursMiB(load: Pick<HostLoad, 'memoryUsedMiB' | 'vms'>): number {
  return Math.max(0, load.memoryUsedMiB - load.vms.reduce((sum, vm) => sum + vm.memoryMiB, 0));
}

/**
 * Memory of domains that are not ours, and of whatever else runs on the host beyond what is reserved for it
 * (safety.md 9: foreign domains are counted against capacity and never touched). Only the host's load tells of them:
 * what those domains may take at most, or what is in use besides ours, whichever is more.
 *
 * It is an estimate, old by one report; the agent has the last word on what fits (safety.md 10).
 */
export function foreignMemoryMiB(
  load: { readonly memoryBesideOursMiB: number; readonly foreignMemoryMiB: number },
  inventory: Pick<HostInventory, 'reservedMemoryMiB'>,
): number {
  return Math.max(load.foreignMemoryMiB, load.memoryBesideOursMiB - inventory.reservedMemoryMiB, 0);
}
