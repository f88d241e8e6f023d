import type { StoredEvent, VmId, VmView } from '@drover/contracts';

/** A VM's past, from its events alone. Faults are `STORE_UNAVAILABLE`. */
export interface VmHistory {
  /** Events behind a revision, in order; -1 is before the first. */
  events(id: VmId, after: number, limit: number): Promise<readonly StoredEvent[]>;
  /** The state that all events recorded up to and including the moment lead to; undefined before the first. */
  stateAt(id: VmId, moment: string): Promise<VmView | undefined>;
}

export const VM_HISTORY = Symbol('VmHistory');
