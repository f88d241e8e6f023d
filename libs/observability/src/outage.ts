import type { LogFields, Logger } from './logger.js';

const EVERY_MS = 10_000;
const MAX_CAUSES = 5;

export interface OutageOptions {
  /** On every line, with `needs`. */
  readonly fields?: LogFields;
  /** Shortest time between two lines about failures; 10 s by default. */
  readonly everyMs?: number;
  /** A clock that only goes forward. */
  readonly nowMs?: () => number;
}

export interface Outage {
  /** One more attempt has failed. */
  failed(error: unknown): void;
  /** An attempt has succeeded; may be told of each. */
  ended(): void;
}

/**
 * Logs an outage: the first failure with its stack and causes, then a short line every 10 s, and the end. A server that is away
 * for an hour is then a page of the log and not the whole of it.
 *
 * What fails, succeeds and fails again within that time is logged once.
 *
 * @param needs what is tried, e.g. `event store`.
 */
export function outageOf(logger: Logger, needs: string, options: OutageOptions = {}): Outage {
  const { fields = {}, everyMs = EVERY_MS, nowMs = () => performance.now() } = options;
  let sinceMs: number | undefined;
  let toldMs: number | undefined;
  let attempts = 0;
  let isTold = false;

  return {
    failed(error) {
      const now = nowMs();
      sinceMs ??= now;
      attempts += 1;
      if (toldMs !== undefined && now - toldMs < everyMs) return;
      toldMs = now;
      if (isTold) {
        const lasting = { attempts, lastsMs: Math.round(now - sinceMs), reason: reasonOf(error) };
        logger.warn(`${needs} still unavailable`, { needs, ...fields, ...lasting });
      } else {
        logger.warn(`${needs} unavailable, retrying`, { needs, ...fields, error });
      }
      isTold = true;
    },
    ended() {
      if (sinceMs === undefined) return;
      if (isTold)
        logger.info(`${needs} available again`, { needs, ...fields, attempts, afterMs: Math.round(nowMs() - sinceMs) });
      sinceMs = undefined;
      attempts = 0;
      isTold = false;
    },
  };
}

/** An error and its causes in one line, for a log that needs no stack. */
export function reasonOf(error: unknown, depth = 0): string {
  if (typeof error !== 'object' || error === null || !('message' in error)) return String(error);
  const isDeepest = depth >= MAX_CAUSES || !('cause' in error) || error.cause === undefined;
  return isDeepest ? String(error.message) : `${String(error.message)}: ${reasonOf(error.cause, depth + 1)}`;
}
