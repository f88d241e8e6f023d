/** One key that several processes write by expected revision: what a lease stands on. */
export interface LeaseStore {
  /** Undefined where the key never existed. Rejects when the store does not answer. */
  read(key: string): Promise<LeaseEntry | undefined>;
  /**
   * Writes if the key still has this revision (0: does not exist), and resolves to the new one. Rejects when the store does
   * not answer; then it may or may not have been written.
   */
  write(key: string, value: string, expectedRevision: number): Promise<number | 'conflict'>;
}

export interface LeaseEntry {
  /** Undefined where a person deleted the key: that is a claim without a holder, and has a revision nevertheless. */
  readonly value: string | undefined;
  readonly revision: number;
}

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
    delete: (key) => {
      lastRevision += 1;
      entries.set(key, { value: undefined, revision: lastRevision });
    },
    wipe: () => {
      entries.clear();
      lastRevision = 0;
    },
  };
}
