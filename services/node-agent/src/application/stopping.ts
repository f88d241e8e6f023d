import { setTimeout as delay } from 'node:timers/promises';

/** Thrown where an agent that stops meets work it had begun; its journal holds that work for the next start. */
export class AgentStopped extends Error {
  override readonly name = 'AgentStopped';
}

export function throwIfStopped(stop: AbortSignal): void {
  if (stop.aborted) throw new AgentStopped('the agent stops');
}

/** Waits, or throws `AgentStopped` as soon as the agent stops. */
export async function pause(ms: number, stop: AbortSignal): Promise<void> {
  throwIfStopped(stop);
  await delay(ms, undefined, { signal: stop }).catch(() => throwIfStopped(stop));
}

/**
 * Waits for something, but no longer than this; throws `AgentStopped` as soon as the agent stops.
 *
 * @returns whether the time was over first.
 */
export async function within(something: Promise<void>, timeoutMs: number, stop: AbortSignal): Promise<boolean> {
  throwIfStopped(stop);
  const ended = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => ended.resolve(true), timeoutMs);
  const onStop = (): void => ended.resolve(true);
  stop.addEventListener('abort', onStop, { once: true });
  try {
    const isOver = await Promise.race([something.then(() => false), ended.promise]);
    throwIfStopped(stop);
    return isOver;
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', onStop);
  }
}

/** Waits that double from the first, up to 30 times of it. */
export function doubling(firstMs: number): () => number {
  let nextMs = firstMs;
  return () => {
    const waitMs = nextMs;
    nextMs = Math.min(nextMs * 2, firstMs * 30);
    return waitMs;
  };
}
