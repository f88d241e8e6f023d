import type { StoredEvent, VmId, VmView } from '@drover/contracts';
import type { EventStore } from '@drover/event-store';
import type { HistoryPage, VmHistory } from '../../application/ports/vm-history.port.js';
import { isVmEvent } from '../../projections/vm/vm-event.policy.js';
import { evolveVm } from '../../projections/vm/vm-view.state.js';

/** Events taken at once: with the largest event, what one request may hold beyond its page. */
const PAGE = 32;
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

/** History read from the event store, with the fold that also makes the read model. */
export class StoreVmHistory implements VmHistory {
  readonly #store: Pick<EventStore, 'read'>;

  constructor(store: Pick<EventStore, 'read'>) {
    this.#store = store;
  }

  async page(id: VmId, after: number, limit: number): Promise<HistoryPage> {
    const items: StoredEvent[] = [];
    let bytes = 0;
    for (;;) {
      const wanted = Math.min(PAGE, limit + 1 - items.length);
      const found = await this.#read(id, after + items.length, wanted);
      for (const event of found) {
        if (items.length === limit || bytes >= MAX_PAGE_BYTES) return { items, next: after + items.length };
        bytes += Buffer.byteLength(JSON.stringify(event));
        items.push(event);
      }
      if (found.length < wanted) return { items };
    }
  }

  #read(id: VmId, after: number, limit: number): Promise<readonly StoredEvent[]> {
    return this.#store.read(`vm-${id}`, { fromRevision: after + 1, limit });
  }

  async stateAt(id: VmId, moment: string): Promise<VmView | undefined> {
    let view: VmView | undefined;
    for (let after = -1; ; after += PAGE) {
      const events = await this.#read(id, after, PAGE);
      for (const event of events) {
        if (event.recordedAt > moment) return view;
        if (isVmEvent(event)) view = evolveVm(view, event);
      }
      if (events.length < PAGE) return view;
    }
  }
}
