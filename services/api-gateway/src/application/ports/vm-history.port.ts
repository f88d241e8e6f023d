import type { StoredEvent, VmId, VmView } from '@drover/contracts';

export interface HistoryPage {
  readonly items: readonly StoredEvent[];
  /** Revision to go on after; absent on the last page. */
  readonly next?: number;
}

/** A VM's past, from its events alone. Faults are `STORE_UNAVAILABLE`. */
export interface VmHistory {
  /** Events behind a revision, in order; -1 is before the first. Fewer than `limit` also where they are large. */
  page(id: VmId, after: number, limit: number): Promise<HistoryPage>;
  /** The state that all events recorded up to and including the moment lead to; undefined before the first. */
  stateAt(id: VmId, moment: string): Promise<VmView | undefined>;
}

export const VM_HISTORY = Symbol('VmHistory');
