/** One key that several processes write by expected revision: what a lease stands on. */
export interface LeaseStore {
  /** Undefined where there is no such key. Rejects when the store does not answer. */
  read(key: string): Promise<LeaseEntry | undefined>;
  /**
   * Writes if the key still has this revision (0: does not exist), and resolves to the new one. Rejects when the store does
   * not answer; then it may or may not have been written.
   */
  write(key: string, value: string, expectedRevision: number): Promise<number | 'conflict'>;
}

export interface LeaseEntry {
  readonly value: string;
  /** No other write to this key had it, nor one of before the key was deleted. */
  readonly revision: number;
}
