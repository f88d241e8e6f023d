import type { PowerState, Rejection, VmId } from '@drover/contracts';

/** Whether the VM's process exists and so holds its memory. */
export function isActive(powerState: PowerState): boolean {
  return powerState === 'RUNNING' || powerState === 'PAUSED' || powerState === 'UNRESPONSIVE';
}

export interface MemoryDemand {
  readonly vmId: VmId;
  readonly memoryMiB: number;
}

export interface HostMemory {
  readonly memoryMiB: number;
  readonly reservedMemoryMiB: number;
  /** MiB that VMs may be given per MiB that is left for them, as the scheduler places by. */
  readonly memoryOvercommitRatio: number;
}

/** MiB of every domain that has a process, ours and others', by its libvirt UUID. */
export type HeldMemory = ReadonlyMap<string, number>;

/**
 * The host's last word on what fits (safety.md 10): the memory of every running domain, ours and others', of the VMs that
 * are on their way, against what it has beside what is kept for itself, times the overcommit. A VM that runs already fits.
 *
 * @param admitted VMs whose start was let through and which may not hold their memory yet.
 */
export function refuseWhenFull(
  host: HostMemory,
  held: HeldMemory,
  admitted: readonly MemoryDemand[],
  wanted: MemoryDemand,
): Rejection | undefined {
  if (held.has(wanted.vmId)) return undefined;
  const runningMiB = new Map(held);
  for (const { vmId, memoryMiB } of admitted) if (vmId !== wanted.vmId) runningMiB.set(vmId, memoryMiB);
  let usedMemoryMiB = 0;
  for (const memoryMiB of runningMiB.values()) usedMemoryMiB += memoryMiB;
  const capacityMiB = memoryCapacityMiB(host);
  const freeMemoryMiB = capacityMiB - usedMemoryMiB;
  if (wanted.memoryMiB <= freeMemoryMiB) return undefined;
  return {
    code: 'HOST_FULL',
    detail:
      `The VM needs ${wanted.memoryMiB} MiB and the host has ${Math.max(0, freeMemoryMiB)} of ${capacityMiB} MiB free: ` +
      `${host.memoryMiB} MiB less ${host.reservedMemoryMiB} MiB for itself, times an overcommit of ${host.memoryOvercommitRatio}.`,
    data: { wantedMemoryMiB: wanted.memoryMiB, freeMemoryMiB, usedMemoryMiB, capacityMiB, ...host },
  };
}

/** Whole MiB, rounded down, as the scheduler counts it: what one of them gives the other must not take back. */
function memoryCapacityMiB({ memoryMiB, memoryOvercommitRatio, reservedMemoryMiB }: HostMemory): number {
  return Math.floor(Math.max(0, memoryMiB - reservedMemoryMiB) * memoryOvercommitRatio);
}
