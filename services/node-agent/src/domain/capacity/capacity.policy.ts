import { errors, type PowerState, type Rejection, type VmId } from '@drover/contracts';
import { memoryCapacityMiB, processMemoryMiB } from '@drover/fleet-model';

/** Whether the VM's process exists and so holds its memory. */
export function isActive(powerState: PowerState): boolean {
  return powerState === 'RUNNING' || powerState === 'PAUSED' || powerState === 'UNRESPONSIVE';
}

/** Below this a host that keeps less for itself was seen to be ended by its own kernel. */
const LEAST_KEPT_MIB = 1024;
const KEPT_SHARE = 0.05;

/**
 * MiB that a host keeps for its kernel, libvirt and all else that it runs, in addition to what the control plane takes there.
 */
export function keptMemoryMiB(memoryMiB: number, controlPlaneMiB: number): number {
  return Math.max(LEAST_KEPT_MIB, Math.ceil(memoryMiB * KEPT_SHARE)) + controlPlaneMiB;
}

export interface MemoryDemand {
  readonly vmId: VmId;
  /** Of its guest. */
  readonly memoryMiB: number;
}

export interface HostMemory {
  readonly memoryMiB: number;
  readonly reservedMemoryMiB: number;
  /** Set aside as huge pages: not there for VMs that do not ask for them. */
  readonly hugePagesMiB: number;
  /** MiB that VMs may be given per MiB that is left for them, as the scheduler places by. */
  readonly memoryOvercommitRatio: number;
}

/** MiB of the guest of every domain that has a process, ours and others', by its libvirt UUID. */
export type HeldMemory = ReadonlyMap<string, number>;

/**
 * The host's last word on what fits (safety.md 10): the memory of every running domain, ours and others', of the VMs that
 * are on their way, against what it has without what is kept for itself, times the overcommit. A VM that runs already fits.
 *
 * @param admitted VMs whose start was admitted and which may not hold their memory yet.
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
  for (const memoryMiB of runningMiB.values()) usedMemoryMiB += processMemoryMiB(memoryMiB);
  const wantedMemoryMiB = processMemoryMiB(wanted.memoryMiB);
  const capacityMiB = memoryCapacityMiB(host, { memoryRatio: host.memoryOvercommitRatio });
  const freeMemoryMiB = capacityMiB - usedMemoryMiB;
  if (wantedMemoryMiB <= freeMemoryMiB) return undefined;
  const huge = host.hugePagesMiB === 0 ? '' : ` and ${host.hugePagesMiB} MiB of huge pages`;
  return errors.HOST_FULL(
    `The VM needs ${wantedMemoryMiB} MiB with its QEMU and the host has ${Math.max(0, freeMemoryMiB)} of ${capacityMiB} MiB free: ` +
      `${host.memoryMiB} MiB less ${host.reservedMemoryMiB} MiB for itself${huge}, times an overcommit of ${host.memoryOvercommitRatio}.`,
    { data: { wantedMemoryMiB, freeMemoryMiB, usedMemoryMiB, capacityMiB, ...host } },
  );
}
