/** How long to wait before the next try. */
export interface Backoff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** When a request is sent again. */
export interface Repeats {
  /** After an answer that says "not now": no server was burdened, so soon again. */
  readonly afterRefusal: Backoff;
  /** After silence: the message may be waiting in a busy receiver, and another copy makes it busier. */
  readonly afterSilence: Backoff;
}

export const defaultRepeats: Repeats = {
  // Short at the longest, because nothing else tells that a service is back.
  afterRefusal: { firstMs: 100, maxMs: 1_000 },
  afterSilence: { firstMs: 1_000, maxMs: 2_000 },
};

/**
 * Doubles with each try up to the maximum, then scatters by half in both directions so that those who failed together do
 * not come back together.
 *
 * @param attempt 0 for the first repeat.
 * @param random 0 to 1.
 */
export function backoffMs(backoff: Backoff, attempt: number, random: number): number {
  const full = Math.min(backoff.maxMs, backoff.firstMs * 2 ** Math.min(attempt, 30));
  return full * (0.5 + random);
}
