import { errors, Rejected, type FleetId, type VmId } from '@drover/contracts';
import { beforehand } from '../libvirt-faults.js';
import type { LibvirtDomains } from './libvirt-domains.adapter.js';
import type { UntrackedProcesses } from './untracked-processes.adapter.js';

/** Which domains may be touched: those of this fleet, and none of which a process runs that libvirt does not know. */
export class OwnDomains {
  readonly #domains: LibvirtDomains;
  readonly #untracked: UntrackedProcesses;
  readonly #fleetId: () => FleetId;

  constructor(domains: LibvirtDomains, untracked: UntrackedProcesses, fleetId: () => FleetId) {
    this.#domains = domains;
    this.#untracked = untracked;
    this.#fleetId = fleetId;
  }

  /** Whether there is such a domain; one that does not carry this fleet's mark is refused. */
  async require(vmId: VmId): Promise<boolean> {
    const description = await beforehand(() => this.#domains.describe(vmId));
    if (description === undefined) return false;
    if (description.mark?.fleetId !== this.#fleetId()) {
      throw new Rejected(
        errors.DOMAIN_FOREIGN(`domain ${vmId} does not carry the mark of this fleet; it was left alone`),
      );
    }
    return true;
  }

  /** Refuses where a process of the VM runs that libvirt does not know: what was to be done was not. */
  requireTracked(vmId: VmId): Promise<void> {
    return beforehand(() => this.#untracked.requireNone(vmId));
  }
}
