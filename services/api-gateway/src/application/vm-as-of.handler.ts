import type { ProjectId, VmView } from '@drover/contracts';
import type { FleetReads } from './ports/fleet-reads.port.js';
import type { VmHistory } from './ports/vm-history.port.js';
import { withPowerDrift } from './power-drift.policy.js';
import { refuse } from './refused.js';

/** Shows a VM as it was. */
export class VmAsOf {
  readonly #history: VmHistory;
  readonly #reads: FleetReads;

  constructor(history: VmHistory, reads: FleetReads) {
    this.#history = history;
    this.#reads = reads;
  }

  /** By name: whichever VM bore it then. */
  async at(project: ProjectId, ref: string, at: string): Promise<VmView> {
    const moment = new Date(at).toISOString();
    const id = (await this.#reads.findVmNamedAt(project, ref, moment)) ?? (await this.#reads.findVm(project, ref))?.id;
    const view = id === undefined ? undefined : await this.#history.stateAt(id, moment);
    if (view === undefined || view.project !== project) {
      return refuse('VM_NOT_FOUND', `project ${project} had no VM ${ref} at ${moment}`);
    }
    return withPowerDrift(view);
  }
}
