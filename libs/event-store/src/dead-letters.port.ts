/** A message that nobody could read or carry out, kept for a person. */
export interface NewDeadLetter {
  /** Who gave it up, e.g. `vm-manager`. */
  readonly source: string;
  /** Where it came from: a subject, a lane, a stream. */
  readonly subject: string;
  /** Why it was given up, for the log and the operator; no secrets. */
  readonly reason: string;
  readonly payload: Uint8Array;
}

export interface DeadLetter extends NewDeadLetter {
  /** Place in the list, ascending in the order of first keeping. */
  readonly sequence: number;
  readonly firstKeptAt: string;
  readonly lastKeptAt: string;
  /** How often the same payload came from the same subject to the same source. */
  readonly occurrences: number;
}

/**
 * Dead letters are rows beside the event store.
 *
 * Keeping is durable and idempotent in what matters: the same payload from the same subject is one row that counts, so a
 * sender that repeats it for ever fills nothing. Faults are `STORE_UNAVAILABLE`.
 */
export interface DeadLetters {
  keep(letter: NewDeadLetter): Promise<void>;
  /** Oldest first, behind `after` (a `sequence`, 0 by default); at most `limit`, 100 by default. */
  list(options?: { readonly after?: number; readonly limit?: number }): Promise<readonly DeadLetter[]>;
  /** Different letters kept, of one source or of all. */
  count(source?: string): Promise<number>;
}
