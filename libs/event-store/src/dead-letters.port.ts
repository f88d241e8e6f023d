/** A message that its receiver could not read or carry out, kept for a person. */
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

/** Of the letters of one source and subject: a sender decides how many it causes, and not how much is kept. */
export const deadLetterLimits = {
  letters: 100,
  /** Of their payloads together. */
  bytes: 1024 * 1024,
  /** Of one payload, which is cut. */
  payloadBytes: 64 * 1024,
  reasonLength: 2000,
} as const;

/**
 * Dead letters are rows in the database of the event store.
 *
 * Keeping is durable and idempotent in what matters: the same payload from the same subject is one row that counts, so a
 * sender that repeats it for ever fills nothing. One that always sends another pushes its own oldest out, and is kept no
 * faster than it can be read; what was not kept is counted. Faults are `STORE_UNAVAILABLE`.
 */
export interface DeadLetters {
  keep(letter: NewDeadLetter): Promise<void>;
  /** Oldest first, behind `after` (a `sequence`, 0 by default); at most `limit`, 100 by default. */
  list(options?: { readonly after?: number; readonly limit?: number }): Promise<readonly DeadLetter[]>;
  /** Different letters kept, of one source or of all. */
  count(source?: string): Promise<number>;
  /** Letters that were given up to keep to the limits, of one source or of all. */
  dropped(source?: string): Promise<number>;
}
