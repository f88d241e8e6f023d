import path from 'node:path';
import {
  SimulatedFaults,
  SimulatedHypervisor,
  SimulatedMachine,
  SqliteMachineStores,
  type FaultRule,
  type Hypervisor,
} from '@drover/hypervisor';
import { bootIdOfMachine } from './adapters/outbound/machine/boot-id.adapter.js';
import { machineIdOf } from './adapters/outbound/machine/machine-id.adapter.js';
import type { OfferedPool } from './adapters/outbound/libvirt/storage/pool-store.adapter.js';
import {
  DEFAULT_RESERVED_POOL_MIB,
  type ConfiguredFault,
  type ConfiguredHost,
  type NodeAgentConfig,
} from './config.js';

export interface DrivenHost {
  readonly hypervisor: Hypervisor;
  readonly machineId: string;
  readonly bootId: string;
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
function openSimulated({ home, hosts, simulated }: NodeAgentConfig): HostDrivers {
  requireKnownHosts(simulated.faults, hosts);
  const stores = new SqliteMachineStores(path.join(home, 'simulated-machines.sqlite'));
  const { cpuCount, faults, faultSeed, guestDelayMs, latencyMs, memoryMiB, poolMiB } = simulated;
  return {
    of: (host) => {
      const { id, name } = host;
      const pools = [{ name: 'default', capacityMiB: poolMiB }];
      const machine = new SimulatedMachine({ name, cpuCount, memoryMiB, pools }, stores.of(id));
      const driver = new SimulatedHypervisor(machine, {
        guestDelayMs,
        // A chance of its own for each host: with one for all, the same VM would fail wherever it goes.
        faults: new SimulatedFaults(faultsOf(faults, name), faultSeed + hosts.indexOf(host)),
        latencyMs: { createVolumes: latencyMs, define: latencyMs, start: latencyMs },
      });
      return { hypervisor: driver, machineId: id.replaceAll('-', ''), bootId: machine.bootId };
    },
    close: () => Promise.resolve(stores.close()),
  };
}

function faultsOf(faults: readonly ConfiguredFault[], hostName: string): readonly FaultRule[] {
  return faults
    .filter(({ host }) => host === undefined || host === hostName)
    .map(({ call, code, probability, takesEffect, times, vmId }) => ({
      call,
      code,
      probability,
      takesEffect,
      ...(times === undefined ? {} : { times }),
      ...(vmId === undefined ? {} : { vmId }),
    }));
}

/** A fault for a host that is not there would be one that never comes. */
function requireKnownHosts(faults: readonly ConfiguredFault[], hosts: readonly ConfiguredHost[]): void {
  for (const { host } of faults) {
    if (host === undefined || hosts.some(({ name }) => name === host)) continue;
    const names = hosts.map(({ name }) => name).join(', ');
    throw new Error(`simulated.faults names the host ${host}, which is not here; the hosts are ${names}`.slice(0, 500));
  }
}

/** What the configuration offers, each under a name in libvirt that no other tool uses unless it says so. */
function offeredPools({ poolFolder, pools }: NodeAgentConfig['hypervisor']): OfferedPool[] {
  const offered = pools ?? [{ name: 'default', path: poolFolder, reservedMiB: DEFAULT_RESERVED_POOL_MIB }];
  return offered.map(({ libvirtName, name, path: folder, reservedMiB }) => ({
    name,
    libvirtName: libvirtName ?? `drover-${name}`,
    reservedMiB,
    ...(folder === undefined ? {} : { path: folder }),
  }));
}

/** Loaded only where it is used: a simulated fleet needs neither libvirt's client nor its probe. */
async function openLibvirt({ home, hypervisor, hosts }: NodeAgentConfig): Promise<HostDrivers> {
  if (hosts.length > 1) throw new Error('one machine is one host: configure one host for the hypervisor libvirt');
  const [{ LibvirtClient }, { LibvirtHypervisor }, { probeAccelerator }, machineId, bootId] = await Promise.all([
    import('@drover/libvirt-rpc'),
    import('./adapters/outbound/libvirt/libvirt-hypervisor.driver.js'),
    import('./adapters/outbound/libvirt/host/accelerator-probe.adapter.js'),
    machineIdOf(home),
    bootIdOfMachine(),
  ]);
  const accelerator = await probeAccelerator();
  const { imageFolder, libvirtSocket: socketPath } = hypervisor;
  return {
    of: () => ({
      hypervisor: new LibvirtHypervisor({
        client: new LibvirtClient(socketPath === undefined ? {} : { socketPath }),
        accelerator,
        imageFolder,
        imageSumsFile: path.join(home, 'image-sums.json'),
        ...(socketPath === undefined ? {} : { runFolder: path.dirname(socketPath) }),
        pools: offeredPools(hypervisor),
        networks: hypervisor.networks,
        ...(hypervisor.nicFilter === undefined ? {} : { nicFilter: hypervisor.nicFilter }),
      }),
      machineId,
      bootId,
    }),
    close: () => Promise.resolve(),
  };
}
