import type { LeaseEntry, LeaseStore } from '../lease-store.port.js';

/** For specs and for services that share one process and have no other replicas. */
export function createMemoryLeaseStore(): LeaseStore & { wipe(): void; delete(key: string): void } {
  const entries = new Map<string, LeaseEntry>();
  let lastRevision = 0;
  return {
    read: async (key) => entries.get(key),
    write: async (key, value, expectedRevision) => {
      if ((entries.get(key)?.revision ?? 0) !== expectedRevision) return 'conflict';
      lastRevision += 1;
      entries.set(key, { value, revision: lastRevision });
      return lastRevision;
    },
    delete: (key) => void entries.delete(key),
    wipe: () => {
      entries.clear();
      lastRevision = 0;
    },
  };
}
