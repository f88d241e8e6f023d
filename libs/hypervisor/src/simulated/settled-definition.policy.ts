import { createHash } from 'node:crypto';
import type { SettledDefinition } from '@drover/contracts';
import type { VmDefinition } from '../hypervisor.port.js';

/** Name of the volume of a VM's disk on a simulated host. */
export function simulatedVolumeName(vm: Pick<VmDefinition, 'vmId'>, diskName: string): string {
  return `${vm.vmId}-${diskName}`;
}

/** What the simulated hypervisor settles: the same for the same VM, and kept where an earlier definition settled it. */
export function settle(vm: VmDefinition): SettledDefinition {
  const kept = vm.settled;
  const settled = {
    machineType: kept?.machineType ?? 'simulated-1',
    cpuModel: vm.spec.cpu.model ?? kept?.cpuModel ?? 'simulated',
    accelerator: 'simulated' as const,
    nics: vm.spec.nics.map((nic, index) => kept?.nics[index] ?? { mac: nic.mac ?? macOf(vm.vmId, index) }),
    disks: vm.spec.disks.map(
      (disk, index) =>
        kept?.disks.find(({ name }) => name === disk.name) ?? {
          name: disk.name,
          serial: `${vm.vmId.slice(0, 18)}-${index}`,
          target: `vd${String.fromCharCode(97 + index)}`,
          pool: disk.pool,
          volume: simulatedVolumeName(vm, disk.name),
        },
    ),
  };
  return { ...settled, fingerprint: sha256(JSON.stringify([vm.name, vm.spec, settled])) };
}

function macOf(vmId: string, index: number): string {
  const digest = sha256(`${vmId}/${index}`);
  return `52:54:00:${digest.slice(0, 2)}:${digest.slice(2, 4)}:${digest.slice(4, 6)}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
