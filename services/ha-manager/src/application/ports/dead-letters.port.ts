/** A report that could not be read, kept for a person. */
export interface UnreadableReport {
  readonly source: string;
  readonly subject: string;
  /** Names of fields, no values. */
  readonly reason: string;
  readonly payload: Uint8Array;
}

/** Durable once `keep` resolves; only then may the report be acknowledged. Kept twice it is kept once. */
export interface DeadLetters {
  keep(letter: UnreadableReport): Promise<void>;
}
