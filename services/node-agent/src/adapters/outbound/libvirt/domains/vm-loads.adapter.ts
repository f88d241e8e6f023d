import { vmIdSchema, type VmId } from '@drover/contracts';
import type { HypervisorLoad } from '@drover/hypervisor';
import { statsFlags, statsGroups, type DomainStatistics, type LibvirtClient } from '@drover/libvirt-rpc';
import { attempt, isUnanswered } from '../libvirt-faults.js';

interface Reading {
  readonly cpuNs: number;
  readonly atMs: number;
}

type VmsLoad = Pick<HypervisorLoad, 'vms' | 'vmsAgeMs' | 'foreignMemoryMiB'>;

/** Longer than libvirt takes for a thousand QEMUs that answer. */
const BULK_MS = 2_000;

/** How busy each running VM is, from libvirt's bulk statistics; a hung QEMU is left out and holds up nothing. */
export class VmLoads {
  readonly #client: LibvirtClient;
  readonly #nowMs: () => number;
  #before: ReadonlyMap<VmId, Reading> = new Map();
  #last: { readonly load: VmsLoad; readonly atMs: number } | undefined;

  constructor(client: LibvirtClient, nowMs: () => number = () => performance.now()) {
    this.#client = client;
    this.#nowMs = nowMs;
  }

  /**
   * CPU is the average since the last call, 0 for a VM that is new since. Memory is what its QEMU holds. Where the answer does
   * not come in time, the last one is told with its age: a QEMU that has just hung keeps libvirt from answering for the others.
   */
  async read(isOurs: (vmId: VmId) => boolean): Promise<VmsLoad> {
    try {
      const records = await this.#client.statistics.all(
        statsGroups.cpuTotal | statsGroups.balloon,
        statsFlags.nowait | statsFlags.active,
        [],
        { timeoutMs: BULK_MS },
      );
      const load = this.#loadOf(records, isOurs);
      this.#last = { load, atMs: this.#nowMs() };
      return load;
    } catch (error) {
      const last = this.#last;
      if (last === undefined || !isUnanswered(error)) {
        return attempt('read the load of the VMs', () => Promise.reject(error as Error));
      }
      return { ...last.load, vmsAgeMs: Math.round(this.#nowMs() - last.atMs) };
    }
  }

  #loadOf(records: readonly DomainStatistics[], isOurs: (vmId: VmId) => boolean): VmsLoad {
    const atMs = this.#nowMs();
    const readings = new Map<VmId, Reading>();
    const vms: HypervisorLoad['vms'] = [];
    let foreignMemoryMiB = 0;
    for (const { domain, values } of records) {
      const vmId = vmIdSchema.safeParse(domain.uuid);
      if (!vmId.success || !isOurs(vmId.data)) {
        foreignMemoryMiB += mib(values['balloon.maximum']);
        continue;
      }
      const reading = { cpuNs: Number(values['cpu.time'] ?? 0), atMs };
      readings.set(vmId.data, reading);
      const before = this.#before.get(vmId.data);
      vms.push({
        vmId: vmId.data,
        cpuMillicores: before === undefined ? 0 : millicores(before, reading),
        memoryMiB: mib(values['balloon.rss'] ?? values['balloon.current']),
      });
    }
    this.#before = readings;
    return { vms, foreignMemoryMiB };
  }
}

function mib(kib: unknown): number {
  return Math.round(Number(kib ?? 0) / 1024);
}

/** A VM that was started again counts from zero, so a counter that went back says nothing. */
function millicores(before: Reading, now: Reading): number {
  const elapsedNs = (now.atMs - before.atMs) * 1e6;
  return elapsedNs <= 0 ? 0 : Math.max(0, Math.round(((now.cpuNs - before.cpuNs) / elapsedNs) * 1000));
}
