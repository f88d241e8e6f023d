import { vmIdSchema, type VmId } from '@drover/contracts';
import type { HypervisorLoad } from '@drover/hypervisor';
import { statsFlags, statsGroups, type LibvirtClient } from '@drover/libvirt-rpc';
import { attempt } from './libvirt-faults.js';

interface Reading {
  readonly cpuNs: number;
  readonly atMs: number;
}

/** How busy each running VM is, from libvirt's bulk statistics; a hung QEMU is left out and holds up nobody. */
export class VmLoads {
  readonly #client: LibvirtClient;
  #before: ReadonlyMap<VmId, Reading> = new Map();

  constructor(client: LibvirtClient) {
    this.#client = client;
  }

  /** CPU is the average since the last call, 0 for a VM that is new since. Memory is what its QEMU holds. */
  async read(isOurs: (vmId: VmId) => boolean): Promise<HypervisorLoad['vms']> {
    const records = await attempt('read the load of the VMs', () =>
      this.#client.statistics.all(statsGroups.cpuTotal | statsGroups.balloon, statsFlags.nowait | statsFlags.active),
    );
    const atMs = performance.now();
    const readings = new Map<VmId, Reading>();
    const loads: HypervisorLoad['vms'] = [];
    for (const { domain, values } of records) {
      const vmId = vmIdSchema.safeParse(domain.uuid);
      if (!vmId.success || !isOurs(vmId.data)) continue;
      const reading = { cpuNs: Number(values['cpu.time'] ?? 0), atMs };
      readings.set(vmId.data, reading);
      const before = this.#before.get(vmId.data);
      loads.push({
        vmId: vmId.data,
        cpuMillicores: before === undefined ? 0 : millicores(before, reading),
        memoryMiB: Math.round(Number(values['balloon.rss'] ?? values['balloon.current'] ?? 0) / 1024),
      });
    }
    this.#before = readings;
    return loads;
  }
}

/** A VM that was started again counts from zero, so a counter that went back says nothing. */
function millicores(before: Reading, now: Reading): number {
  const elapsedNs = (now.atMs - before.atMs) * 1e6;
  return elapsedNs <= 0 ? 0 : Math.max(0, Math.round(((now.cpuNs - before.cpuNs) / elapsedNs) * 1000));
}
