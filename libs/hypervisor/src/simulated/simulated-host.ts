import type { FleetId } from '@drover/contracts';
import type { Hypervisor, HypervisorLoad } from '../hypervisor.port.js';
import { contentsOf } from './simulated-images.js';
import type { SimulatedMachine } from './simulated-machine.driver.js';
import { whyUnusable } from './simulated-volumes.js';

/** What a running guest of the simulation uses of each of its processors. */
const MILLICORES_PER_VCPU = 50;

/** What a simulated host is made of. */
export function simulatedInventory(
  machine: SimulatedMachine,
  hypervisor: 'simulated',
): Awaited<ReturnType<Hypervisor['inventory']>> {
  const { cpuCount, memoryMiB, networks } = machine.hardware;
  return {
    hypervisor,
    accelerator: 'simulated',
    architecture: 'x86_64',
    cpu: {
      model: 'simulated',
      flags: [],
      sockets: 1,
      coresPerSocket: cpuCount,
      threadsPerCore: 1,
      count: cpuCount,
      mhz: 2000,
    },
    offers: {
      cpuModels: ['host-model', 'host-passthrough', 'simulated'],
      machines: [{ type: 'simulated-1', maxVcpus: 1024 }],
      newMachine: 'simulated-1',
      firmware: ['bios'],
      tpmVersions: [],
    },
    memoryMiB,
    hugePagesMiB: 0,
    numa: [{ cell: 0, memoryMiB, cpus: Array.from({ length: Math.min(cpuCount, 1024) }, (_, cpu) => cpu) }],
    pciDevices: [],
    gpus: [],
    pools: machine.pools.map(({ name, capacityMiB }) => {
      const problem = whyUnusable(machine, name);
      if (problem !== undefined) return { name, type: 'dir', problem, capacityMiB: 0, availableMiB: 0 };
      return { name, type: 'dir', capacityMiB, availableMiB: Math.max(0, machine.availableMiB(name)) };
    }),
    networks: [...networks],
    images: machine.images.map((image) => {
      const { digest, format } = contentsOf(image);
      return { name: image.name, format, virtualSizeMiB: image.sizeMiB, digest };
    }),
  };
}

/** What is used of it now, and by which VMs of the fleet. */
export function simulatedLoad(machine: SimulatedMachine, fleetId: FleetId | undefined): HypervisorLoad {
  const vms = [];
  let cpuUsedMillicores = 0;
  for (const { mark, memoryMiB, powerState, vcpus } of machine.domains()) {
    if (powerState !== 'RUNNING') continue;
    const cpuMillicores = vcpus * MILLICORES_PER_VCPU;
    cpuUsedMillicores += cpuMillicores;
    if (mark !== undefined && mark.fleetId === fleetId) vms.push({ vmId: mark.vmId, cpuMillicores, memoryMiB });
  }
  return { cpuUsedMillicores, memoryUsedMiB: machine.usedMemoryMiB(), pools: pools(machine), vms };
}

function pools(machine: SimulatedMachine): HypervisorLoad['pools'] {
  return machine.pools
    .filter(({ name }) => machine.isActivePool(name))
    .map(({ name, capacityMiB }) => ({ name, capacityMiB, availableMiB: Math.max(0, machine.availableMiB(name)) }));
}
