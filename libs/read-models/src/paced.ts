import type { SubscriptionHandler } from '@drover/event-store';

export interface PaceOptions {
  readonly everyMs: number;
  /** A batch of so many events is followed by the next at once: there is much to catch up with. */
  readonly fullAt: number;
  /** Ends a wait. */
  readonly signal: AbortSignal;
}

/**
 * Takes a batch at once, and the next one not before so many milliseconds have passed since: what comes meanwhile goes into it together.
 * A transaction costs as much as the rows of some thirty events.
 */
export function paced(
  take: SubscriptionHandler,
  { everyMs, fullAt, signal }: PaceOptions,
): (...batch: Parameters<SubscriptionHandler>) => Promise<void> {
  return async (events, upTo) => {
    const begunAt = performance.now();
    await take(events, upTo);
    const leftMs = begunAt + everyMs - performance.now();
    if (events.length < fullAt && leftMs > 0) await pause(leftMs, signal);
  };
}

/** Resolves early where the signal fires. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
