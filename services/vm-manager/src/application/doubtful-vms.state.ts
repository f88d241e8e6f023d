import type { HostId, ReportSource, VmId } from '@drover/contracts';
import { compareReports } from '../domain/vm/vm.state.js';

/**
 * VMs of which their host reported what was acknowledged and not recorded: what is known of them may not be so until a later full list of
 * the host has told it.
 */
export class DoubtfulVms {
  /** The newest report that was not recorded. */
  readonly #hosts = new Map<HostId, Map<VmId, ReportSource>>();

  has(hostId: HostId, vmId: VmId): boolean {
    return this.#hosts.get(hostId)?.has(vmId) === true;
  }

  of(hostId: HostId): Iterable<VmId> {
    return this.#hosts.get(hostId)?.keys() ?? [];
  }

  notRecorded(vmId: VmId, source: ReportSource): void {
    const vms = this.#hosts.get(source.hostId) ?? new Map<VmId, ReportSource>();
    this.#hosts.set(source.hostId, vms.set(vmId, source));
  }

  /** A full list has told of these, and what it told is recorded, but for what was refused of that very list. */
  told(vmIds: readonly VmId[], source: ReportSource): void {
    const vms = this.#hosts.get(source.hostId);
    for (const vmId of vmIds) {
      const notRecorded = vms?.get(vmId);
      if (notRecorded !== undefined && compareReports(source, notRecorded) > 0) vms?.delete(vmId);
    }
    if (vms?.size === 0) this.#hosts.delete(source.hostId);
  }
}
