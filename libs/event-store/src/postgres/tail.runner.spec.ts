import { describe, expect, it, jest } from '@jest/globals';
import { createMemoryEventStore } from '../memory/memory-event-store.adapter.js';
import type { Position } from '@drover/contracts';
import type { EventStore } from '../event-store.port.js';
import { anEvent, aStream } from '../testing/events.js';
import { StoreDefect } from './database.client.js';
import { Tail } from './tail.runner.js';

/** A page, each of whose events counts as so many characters. */
async function measured(store: EventStore, after: Position, limit: number, characters = 100) {
  const page = await store.readAll(after, { limit });
  return { ...page, characters: page.events.map(() => characters) };
}

async function levelTail(pollIntervalMs: number) {
  const store = createMemoryEventStore();
  await store.append(aStream(), 'no-stream', [anEvent()]);
  const head = await store.head();
  let reads = 0;
  const tail = new Tail((after, limit) => {
    reads += 1;
    return measured(store, after, limit);
  }, pollIntervalMs);
  tail.levelAt(head);
  return { store, tail, head, reads: () => reads, signal: new AbortController().signal };
}

describe('tail', () => {
  it('reads once for all subscriptions that are level with the head', async () => {
    const { store, tail, head, reads, signal } = await levelTail(60_000);
    const waiting = Promise.all(Array.from({ length: 20 }, () => tail.appended(head, signal)));
    await store.append(aStream('vm'), 'no-stream', [anEvent()]);
    await store.append(aStream('host'), 'no-stream', [anEvent()]);
    tail.hint(3);
    await waiting;
    expect(reads()).toBeLessThanOrEqual(2);
    expect(tail.page(head, undefined, 500)).toMatchObject({ events: [{}, {}], next: '3', isEnd: true });
    expect(tail.page(head, undefined, 1)).toMatchObject({ events: [{}], next: '2', isEnd: false });
    expect(tail.page(head, { streamKinds: ['guest'] }, 1)).toMatchObject({ events: [], next: '3', isEnd: true });
    tail.close();
  });

  it('finds what no hint told of', async () => {
    const { store, tail, head, signal } = await levelTail(1);
    const waiting = tail.appended(head, signal);
    await store.append(aStream(), 'no-stream', [anEvent()]);
    await waiting;
    expect(tail.page(head, undefined, 500)?.events).toHaveLength(1);
    tail.close();
  });

  it('reads once where a hint names what is not there', async () => {
    jest.useFakeTimers();
    try {
      const { tail, head, reads, signal } = await levelTail(60_000);
      const waiting = tail.appended(head, signal);
      tail.hint(999_999_999_999);
      await jest.advanceTimersByTimeAsync(10_000);
      expect(reads()).toBe(1);
      tail.close();
      await waiting;
    } finally {
      jest.useRealTimers();
    }
  });

  it('reads again where a subscription came level while it read, and forgets no hint for that', async () => {
    const { store, head, signal } = await levelTail(60_000);
    const read = Promise.withResolvers<undefined>();
    const begun = Promise.withResolvers<undefined>();
    const tail = new Tail(async (after, limit) => {
      const page = await measured(store, after, limit);
      begun.resolve(undefined);
      await read.promise;
      return page;
    }, 60_000);
    tail.levelAt(head);
    const first = tail.appended(head, signal);
    await store.append(aStream('vm'), 'no-stream', [anEvent()]);
    await store.append(aStream('vm'), 'no-stream', [anEvent()]);
    tail.hint(3);
    await begun.promise;
    // Another subscription has read one of the events itself, and waits for the one behind it.
    tail.levelAt('2' as Position);
    await first;
    const second = tail.appended('2' as Position, signal);
    read.resolve(undefined);
    await second;
    expect(tail.page('2' as Position, undefined, 500)).toMatchObject({ events: [{}], next: '3', isEnd: true });
    tail.close();
  });

  it('leaves all to the database where positions do not follow on each other', async () => {
    const { store, head, signal } = await levelTail(60_000);
    await store.append(aStream('vm'), 'no-stream', [anEvent()]);
    const tail = new Tail(async (after, limit) => {
      const page = await measured(store, after, limit);
      return { ...page, next: '7' as Position };
    }, 1);
    tail.levelAt(head);
    await tail.appended(head, signal);
    expect(tail.page(head, undefined, 500)).toBeUndefined();
    expect(tail.page('6' as Position, undefined, 500)).toBeUndefined();
    expect(tail.page('7' as Position, undefined, 500)).toEqual({ events: [], next: '7', isEnd: true });
    tail.close();
  });

  it('leaves to the database what is older than it remembers or newer than it knows', async () => {
    const { store, tail, head } = await levelTail(60_000);
    await store.append(aStream(), 'no-stream', [anEvent()]);
    const newer = await store.head();
    expect(tail.page(newer, undefined, 500)).toBeUndefined();
    tail.levelAt(newer);
    expect(tail.page(newer, undefined, 500)).toEqual({ events: [], next: newer, isEnd: true });
    expect(tail.page(head, undefined, 500)).toBeUndefined();
    tail.close();
  });

  it('wakes who waits where another subscription has found more', async () => {
    const { store, tail, head, signal } = await levelTail(60_000);
    const waiting = tail.appended(head, signal);
    await store.append(aStream(), 'no-stream', [anEvent()]);
    tail.levelAt(await store.head());
    await waiting;
    expect(tail.page(head, undefined, 500)).toBeUndefined();
    tail.close();
  });

  it('lets go of a waiting subscription that is stopped', async () => {
    const { tail, head } = await levelTail(60_000);
    const stopping = new AbortController();
    const waiting = tail.appended(head, stopping.signal);
    stopping.abort();
    await expect(waiting).rejects.toBe(stopping.signal.reason);
    tail.close();
  });

  it('sends each subscription to the database when it meets what cannot be read', async () => {
    const { head, signal } = await levelTail(60_000);
    const tail = new Tail(() => Promise.reject(new StoreDefect('unreadable')), 1);
    tail.levelAt(head);
    await tail.appended(head, signal);
    expect(tail.page(head, undefined, 500)).toBeUndefined();
    tail.close();
  });

  it.each([
    ['events', { events: 3, characters: 1_000_000 }],
    ['characters', { events: 1_000_000, characters: 3 * 100 }],
  ])('remembers no more than twice what it may, counted in %s', async (_, bounds) => {
    const store = createMemoryEventStore();
    const tail = new Tail((after, limit) => measured(store, after, limit), 60_000, bounds);
    await store.append(aStream(), 'no-stream', [anEvent()]);
    const first = await store.head();
    tail.levelAt(first);
    const { signal } = new AbortController();
    for (let count = 1; count <= 6; count += 1) {
      const waiting = tail.appended(await store.head(), signal);
      await store.append(aStream(), 'no-stream', [anEvent()]);
      tail.hint(count + 1);
      await waiting;
      expect(tail.page(first, undefined, 500)?.events).toHaveLength(count);
    }
    const waiting = tail.appended(await store.head(), signal);
    await store.append(aStream(), 'no-stream', [anEvent()]);
    tail.hint(8);
    await waiting;
    expect(tail.page(first, undefined, 500)).toBeUndefined();
    expect(tail.page('5' as Position, undefined, 500)?.events).toHaveLength(3);
    tail.close();
  });
});
