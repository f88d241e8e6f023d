/** A message that could not be read or worked on, kept for a person. */
export interface UnworkableMessage {
  readonly source: string;
  readonly subject: string;
  readonly reason: string;
  readonly payload: Uint8Array;
}

/** Durable once `keep` resolves; only then may the message be acknowledged. Keeping it twice keeps it once. */
export interface DeadLetters {
  keep(letter: UnworkableMessage): Promise<void>;
}
