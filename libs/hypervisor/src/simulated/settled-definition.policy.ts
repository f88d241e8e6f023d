import { createHash } from 'node:crypto';
import { type SettledDefinition, errors, Rejected } from '@drover/contracts';
import type { VmDefinition } from '../hypervisor.port.js';
import type { SimulatedDomain } from './simulated-machine.state.js';

/** Name of the volume of a VM's disk on a simulated host. */
export function simulatedVolumeName(vm: Pick<VmDefinition, 'vmId'>, diskName: string): string {
  return `${vm.vmId}-${diskName}`;
}

/** No two domains of a host have one MAC address on one network. */
export function requireFreeMacs({ vmId, spec }: VmDefinition, domains: Iterable<SimulatedDomain>): void {
  for (const { networks, settled, uuid } of domains) {
    if (uuid === vmId) continue;
    const has = (network: string, mac: string) =>
      settled?.nics.some((nic, index) => nic.mac === mac && networks[index] === network) === true;
    const index = spec.nics.findIndex(({ mac, network }) => mac !== undefined && has(network, mac));
    if (index < 0) continue;
    throw new Rejected(
      errors.INVALID_DEFINITION(`domain ${uuid} has this MAC address on this network`, {
        data: { field: `/spec/nics/${index}/mac`, holder: uuid },
      }),
    );
  }
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
