import path from 'node:path';
import { SimulatedHypervisor, SimulatedMachine, SqliteMachineStores, type Hypervisor } from '@drover/hypervisor';
import { machineIdOf } from './adapters/outbound/machine/machine-id.adapter.js';
import type { ConfiguredHost, NodeAgentConfig } from './config.js';

export interface DrivenHost {
  readonly hypervisor: Hypervisor;
  readonly machineId: string;
}

/** What drives the hosts of this process. */
export interface HostDrivers {
  of(host: ConfiguredHost): DrivenHost;
  close(): Promise<void>;
}

export async function openHostDrivers(config: NodeAgentConfig): Promise<HostDrivers> {
  return config.hypervisor.kind === 'libvirt' ? openLibvirt(config) : openSimulated(config);
}

/** Simulated machines outlive this process, as real ones do. */
function openSimulated({ home, simulated }: NodeAgentConfig): HostDrivers {
  const stores = new SqliteMachineStores(path.join(home, 'simulated-machines.sqlite'));
  const { cpuCount, guestDelayMs, latencyMs, memoryMiB, poolMiB } = simulated;
  return {
    of: ({ id, name }) => {
      const pools = [{ name: 'default', capacityMiB: poolMiB }];
      const machine = new SimulatedMachine({ name, cpuCount, memoryMiB, pools }, stores.of(id));
      const driver = new SimulatedHypervisor(machine, {
        guestDelayMs,
        latencyMs: { createVolumes: latencyMs, define: latencyMs, start: latencyMs },
      });
      return { hypervisor: driver, machineId: id.replaceAll('-', '') };
    },
    close: () => Promise.resolve(stores.close()),
  };
}

/** Loaded only where it is used: a simulated fleet needs neither libvirt's client nor its probe. */
async function openLibvirt({ home, hypervisor, hosts }: NodeAgentConfig): Promise<HostDrivers> {
  if (hosts.length > 1) throw new Error('one machine is one host: configure one host for the hypervisor libvirt');
  const [{ LibvirtClient }, { LibvirtHypervisor }, { probeAccelerator }, machineId] = await Promise.all([
    import('@drover/libvirt-rpc'),
    import('./adapters/outbound/libvirt/libvirt-hypervisor.driver.js'),
    import('./adapters/outbound/libvirt/accelerator-probe.adapter.js'),
    machineIdOf(home),
  ]);
  const accelerator = await probeAccelerator();
  const { imageFolder, libvirtSocket: socketPath, poolFolder } = hypervisor;
  return {
    of: () => ({
      hypervisor: new LibvirtHypervisor({
        client: new LibvirtClient(socketPath === undefined ? {} : { socketPath }),
        accelerator,
        imageFolder,
        pools: [{ name: 'default', path: poolFolder }],
      }),
      machineId,
    }),
    close: () => Promise.resolve(),
  };
}
