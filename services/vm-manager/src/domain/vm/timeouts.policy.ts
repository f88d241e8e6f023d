/**
 * How long operations may take, in milliseconds. Past its time an operation ends as undone or as observed; nothing is
 * assumed of the host.
 */
export interface Timeouts {
  readonly createMs: number;
  readonly deleteMs: number;
  /** Of an action; a grace period comes on top. */
  readonly powerMs: number;
  /** How long an undo waits for its host before the operation ends with what is left. */
  readonly undoMs: number;
}

export const defaultTimeouts: Timeouts = {
  createMs: 600_000,
  deleteMs: 300_000,
  powerMs: 120_000,
  undoMs: 120_000,
};
