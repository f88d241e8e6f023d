/**
 * Time as an input. Decisions get it as data; only adapters and application code hold a `Clock`.
 */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. For people and for records; no safety rests on it. */
  epochMs(): number;
  /** Milliseconds from an arbitrary start, never stepping back. For timeouts, leases and intervals. */
  monotonicMs(): number;
}

/** The clock of this process. */
export const systemClock: Clock = {
  epochMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
