import type { StoredEvent, VmId, VmView } from '@drover/contracts';
import type { EventStore } from '@drover/event-store';
import type { VmHistory } from '../../application/ports/vm-history.port.js';
import { isVmEvent } from '../../projections/fleet/fleet.fold.js';
import { evolveVm } from '../../projections/fleet/vm-view.state.js';

const PAGE = 500;

/** History read from the event store, with the fold that also makes the read model. */
export class StoreVmHistory implements VmHistory {
  readonly #store: Pick<EventStore, 'read'>;

  constructor(store: Pick<EventStore, 'read'>) {
    this.#store = store;
  }

  events(id: VmId, after: number, limit: number): Promise<readonly StoredEvent[]> {
    return this.#store.read(`vm-${id}`, { fromRevision: after + 1, limit });
  }

  async stateAt(id: VmId, moment: string): Promise<VmView | undefined> {
    let view: VmView | undefined;
    for (let after = -1; ; after += PAGE) {
      const events = await this.events(id, after, PAGE);
      for (const event of events) {
        if (event.recordedAt > moment) return view;
        if (isVmEvent(event)) view = evolveVm(view, event);
      }
      if (events.length < PAGE) return view;
    }
  }
}
