import type { StreamStore } from '@drover/aggregate';

/** What vm-manager needs of the event store. Faults are `STORE_UNAVAILABLE`. */
export interface VmStore extends StreamStore {
  /** The store's own time, milliseconds since the Unix epoch, never before the newest `recordedAt`. */
  now(): Promise<number>;
}
