import { createHash } from 'node:crypto';
import type { VmId } from '@drover/contracts';

/** Libvirt's name of the domain. From the id, because names of VMs are unique only within a project. */
export function domainName(vmId: VmId): string {
  return `drover-${vmId}`;
}

/** The volume of one disk. */
export function volumeName(vmId: VmId, diskName: string, format: 'qcow2' | 'raw'): string {
  return `${vmId}-${diskName}.${format}`;
}

/** Serial number the guest sees: 20 characters, the most that virtio-blk shows. */
export function diskSerial(vmId: VmId, diskName: string): string {
  return createHash('sha256').update(`${vmId}/${diskName}`).digest('hex').slice(0, 20);
}

/** A MAC in QEMU's locally administered range, the same for the same VM and place. */
export function derivedMac(vmId: VmId, nicIndex: number): string {
  const digest = createHash('sha256').update(`${vmId}/nic/${nicIndex}`).digest('hex');
  return `52:54:00:${digest.slice(0, 2)}:${digest.slice(2, 4)}:${digest.slice(4, 6)}`;
}
