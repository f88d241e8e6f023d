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
}

/** MiB of every domain that has a process, ours and others', by its libvirt UUID. */
export type HeldMemory = ReadonlyMap<string, number>;

/**
 * The host's last word on what fits (safety.md 10): the memory of every running domain, ours and others', of the VMs that
 * are on their way, and what is kept for the host, against what it has. A VM that runs already fits.
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
  const freeMemoryMiB = host.memoryMiB - host.reservedMemoryMiB - usedMemoryMiB;
  if (wanted.memoryMiB <= freeMemoryMiB) return undefined;
  return {
    code: 'HOST_FULL',
    detail: `The VM needs ${wanted.memoryMiB} MiB and the host has ${Math.max(0, freeMemoryMiB)} MiB free.`,
    data: {
      wantedMemoryMiB: wanted.memoryMiB,
      freeMemoryMiB,
      usedMemoryMiB,
      memoryMiB: host.memoryMiB,
      reservedMemoryMiB: host.reservedMemoryMiB,
    },
  };
}
