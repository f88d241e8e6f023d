import { setTimeout as delay } from 'node:timers/promises';
import { comparePositions, type Position } from '@drover/contracts';
import type { EventFilter, ReadAllPage, Subscription, SubscriptionHandler } from './event-store.port.js';
import { toSequence } from './sequence.codec.js';

/** What following a store needs of it. Each call bears an outage by waiting, and rejects soon once `signal` has fired. */
export interface FollowedStore {
  head(signal: AbortSignal): Promise<Position>;
  page(after: Position, filter: EventFilter | undefined, limit: number, signal: AbortSignal): Promise<ReadAllPage>;
  /** Resolves when something may stand behind `after`; early and in vain is allowed. */
  appended(after: Position, signal: AbortSignal): Promise<void>;
  /** Resolves after a moment: asked for when `appended` was in vain, so that nothing is asked in a circle. */
  rest(signal: AbortSignal): Promise<void>;
}

export interface FollowOptions {
  readonly filter?: EventFilter;
  readonly batchSize?: number;
}

const defaultBatchSize = 500;
const restMs = 100;

/** The usual pause; rejects with the signal's reason. */
export async function rest(signal: AbortSignal): Promise<void> {
  await delay(restMs, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/** The subscriptions of one open store, which end with it. */
export function subscriptionsOf(store: FollowedStore): Subscriptions {
  const open = new Set<Subscription>();
  return {
    subscribe(after, handler, options) {
      toSequence(after);
      const subscription = follow(store, after, handler, options, () => open.delete(subscription));
      open.add(subscription);
      return subscription;
    },
    async stop() {
      await Promise.all([...open].map((subscription) => subscription.stop()));
    },
  };
}

export interface Subscriptions {
  /** Throws where `after` is no position. */
  subscribe(after: Position, handler: SubscriptionHandler, options?: FollowOptions): Subscription;
  stop(): Promise<void>;
}

/**
 * Follows a store from a position: pages until the head, then as it grows. One page is fetched while the handler is busy
 * with the one before, never more: a slow handler slows the reading, not the store.
 */
export function follow(
  store: FollowedStore,
  after: Position,
  handler: SubscriptionHandler,
  { filter, batchSize = defaultBatchSize }: FollowOptions = {},
  onEnd: () => void = () => undefined,
): Subscription {
  const ending = new AbortController();
  const { signal } = ending;
  const waiting = new Set<{ readonly target: Position; readonly reached: () => void }>();
  let position = after;

  /** Never rejects, because no code awaits it while the handler runs. */
  function fetch(from: Position): Promise<ReadAllPage | { readonly failure: unknown }> {
    return store.page(from, filter, batchSize, signal).catch((failure: unknown) => ({ failure }));
  }

  function advance(to: Position): void {
    position = to;
    for (const waiter of waiting) {
      if (comparePositions(to, waiter.target) < 0) continue;
      waiting.delete(waiter);
      waiter.reached();
    }
  }

  async function run(): Promise<void> {
    // The subscriber holds its Subscription before its handler runs for the first time.
    await Promise.resolve();
    let fetched = fetch(position);
    let wasInVain = false;
    try {
      for (;;) {
        const page = await fetched;
        if (signal.aborted) return;
        if ('failure' in page) throw page.failure;
        const hasMoved = page.next !== position;
        if (hasMoved && !page.isEnd) fetched = fetch(page.next);
        if (hasMoved) {
          await handler(page.events, page.next);
          advance(page.next);
        } else {
          if (wasInVain) await store.rest(signal);
          await store.appended(position, signal);
        }
        wasInVain = !hasMoved;
        if (!hasMoved || page.isEnd) fetched = fetch(position);
      }
    } catch (error) {
      if (!signal.aborted || error !== signal.reason) throw error;
    } finally {
      ending.abort();
      await fetched;
      onEnd();
    }
  }

  const closed = run();
  return {
    closed,
    get position() {
      return position;
    },
    async caughtUp() {
      const target = await store.head(signal);
      if (comparePositions(position, target) >= 0) return;
      const isLevel = new Promise<boolean>((resolve) => waiting.add({ target, reached: () => resolve(true) }));
      if ((await Promise.race([isLevel, closed])) !== true) throw new Error('the subscription was stopped');
    },
    async stop() {
      ending.abort();
      await Promise.allSettled([closed]);
    },
  };
}
