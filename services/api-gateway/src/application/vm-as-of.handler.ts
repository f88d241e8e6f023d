import { errors, vmIdSchema, type ProjectId, type VmView, refuse } from '@drover/contracts';
import type { FindResource } from './find-resource.handler.js';
import { VMS, type FleetReads } from './ports/fleet-reads.port.js';
import type { VmHistory } from './ports/vm-history.port.js';
import { withPowerDrift } from './power-drift.policy.js';

/** Shows a VM as it was. */
export class VmAsOf {
  readonly #history: VmHistory;
  readonly #reads: FleetReads;
  readonly #find: FindResource;

  constructor(history: VmHistory, reads: FleetReads, find: FindResource) {
    this.#history = history;
    this.#reads = reads;
    this.#find = find;
  }

  /** By name: the VM that bore it at that moment. By id: that VM, also where it was deleted by then, and says when. */
  async at(project: ProjectId, ref: string, at: string): Promise<VmView> {
    const moment = new Date(at).toISOString();
    const id = vmIdSchema.safeParse(ref);
    const view = id.success
      ? await this.#history.stateAt(id.data, moment)
      : await this.#find.lookTwice(VMS, () => this.#named(project, ref, moment));
    if (view === undefined || view.project !== project) {
      return refuse(errors.VM_NOT_FOUND(`project ${project} had no VM ${ref} at ${moment}`));
    }
    return withPowerDrift(view);
  }

  /** Whose name it was is known from the read model, which may not show yet that the VM was deleted; its events do. */
  async #named(project: ProjectId, name: string, moment: string): Promise<VmView | undefined> {
    const id = await this.#reads.findVmNamedAt(project, name, moment);
    const view = id === undefined ? undefined : await this.#history.stateAt(id, moment);
    return view?.deletedAt === null ? view : undefined;
  }
}
