import { Rejected, errors, type ListedDomain, type VmId } from '@drover/contracts';
import { domainName } from '@drover/libvirt-xml';
import type { LibvirtDomains } from './libvirt-domains.adapter.js';
import type { QemuProcess, QemuProcesses } from './qemu-processes.adapter.js';

/**
 * QEMU processes that libvirt has forgotten. It does so where its record of a running domain is lost, as after a crash with a
 * full `/run`; the guest goes on, and a second QEMU next to it, or a deleted disk under it, would be its end.
 *
 * The processes are looked at before libvirt is asked and once more after: libvirt knows a domain before its process begins,
 * so what is there before and after, and unknown in between, is untracked for certain.
 */
export class UntrackedProcesses {
  readonly #processes: QemuProcesses;
  readonly #domains: LibvirtDomains;

  constructor(processes: QemuProcesses, domains: LibvirtDomains) {
    this.#processes = processes;
    this.#domains = domains;
  }

  /** By UUID. */
  async all(): Promise<ReadonlyMap<string, QemuProcess>> {
    const found = await Promise.all((await this.#processes.all()).map((process) => this.#ifUntracked(process)));
    return new Map(found.flatMap((process) => (process === undefined ? [] : [[process.uuid, process]])));
  }

  async of(vmId: VmId): Promise<QemuProcess | undefined> {
    const process = (await this.#processes.all()).find(({ uuid }) => uuid === vmId);
    return process === undefined ? undefined : this.#ifUntracked(process);
  }

  /** To be asked before anything is made, started or removed. */
  async requireNone(vmId: VmId): Promise<void> {
    const process = await this.of(vmId);
    if (process === undefined) return;
    throw new Rejected(
      errors.VM_UNTRACKED(`process ${process.pid} of VM ${vmId} is unknown to libvirt`, { data: { pid: process.pid } }),
    );
  }

  /** Ends the process of a VM of ours, where there is one that libvirt does not know. */
  async end(vmId: VmId): Promise<void> {
    const process = await this.of(vmId);
    if (process === undefined) return;
    if (process.name !== domainName(vmId)) {
      throw new Rejected(errors.DOMAIN_FOREIGN(`process ${process.pid} has the id of VM ${vmId} and is not ours`));
    }
    await this.#processes.end(process);
  }

  async #ifUntracked(process: QemuProcess): Promise<QemuProcess | undefined> {
    if (await this.#domains.isActive(process.uuid)) return undefined;
    return (await this.#processes.isThere(process)) ? process : undefined;
  }
}

/** As the full list tells a process of which libvirt knows no domain either. */
export function listedProcess({ uuid, name, vcpus, memoryMiB }: QemuProcess): ListedDomain {
  return { libvirtUuid: uuid, title: name, powerState: 'UNRESPONSIVE', isUntracked: true, vcpus, memoryMiB };
}
