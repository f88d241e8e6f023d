import type { ProjectId, StoredEvent, VmId } from '@drover/contracts';
import type { EventStore } from '@drover/event-store';
import { isVmEvent } from '../projections/fleet/fleet.fold.js';
import { evolveVm, withPowerDrift, type VmView } from '../projections/fleet/vm-view.state.js';
import type { FleetReads } from './ports/fleet-reads.port.js';
import { refuse } from './refused.js';

const PAGE = 500;

/** A VM's past, from its events alone. */
export class VmAsOf {
  readonly #store: Pick<EventStore, 'read'>;
  readonly #reads: FleetReads;

  constructor(store: Pick<EventStore, 'read'>, reads: FleetReads) {
    this.#store = store;
    this.#reads = reads;
  }

  /** The state at that moment: all that was recorded up to and including it. */
  async at(project: ProjectId, ref: string, at: string): Promise<VmView> {
    const moment = new Date(at).toISOString();
    const id = (await this.#reads.findVmNamedAt(project, ref, moment)) ?? (await this.#reads.findVm(project, ref))?.id;
    const view = id === undefined ? undefined : await this.#foldUntil(id, moment);
    if (view === undefined || view.project !== project) {
      return refuse('VM_NOT_FOUND', `project ${project} had no VM ${ref} at ${moment}`);
    }
    return withPowerDrift(view);
  }

  /** Events behind a revision. */
  async history(id: VmId, after: number, limit: number): Promise<readonly StoredEvent[]> {
    return this.#store.read(`vm-${id}`, { fromRevision: after + 1, limit });
  }

  async #foldUntil(id: VmId, moment: string): Promise<VmView | undefined> {
    let view: VmView | undefined;
    for (let fromRevision = 0; ; fromRevision += PAGE) {
      const events = await this.#store.read(`vm-${id}`, { fromRevision, limit: PAGE });
      for (const event of events) {
        if (event.recordedAt > moment) return view;
        if (isVmEvent(event)) view = evolveVm(view, event);
      }
      if (events.length < PAGE) return view;
    }
  }
}
