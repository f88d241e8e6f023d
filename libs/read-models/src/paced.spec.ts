import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Position, StoredEvent } from '@drover/contracts';
import { paced } from './paced.js';

const upTo = '9' as Position;
const batchOf = (count: number) => Array.from({ length: count }, () => ({}) as StoredEvent);

describe('a paced handler', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  function pacing(tookMs = 0) {
    const taken: number[] = [];
    const ending = new AbortController();
    let done = 0;
    const handler = paced(
      async (events) => {
        taken.push(events.length);
        if (tookMs > 0) await new Promise((resolve) => setTimeout(resolve, tookMs));
      },
      { everyMs: 25, fullAt: 10, signal: ending.signal },
    );
    const give = (count: number) => void handler(batchOf(count), upTo).then(() => (done += 1));
    return { taken, ending, give, done: () => done };
  }

  it('takes a batch at once, and asks for the next when the time is over', async () => {
    const { taken, give, done } = pacing();
    give(1);
    expect(taken).toEqual([1]);
    await jest.advanceTimersByTimeAsync(24);
    expect(done()).toBe(0);
    await jest.advanceTimersByTimeAsync(1);
    expect(done()).toBe(1);
  });

  it('asks for the next at once behind a full batch, and behind one that took longer', async () => {
    const full = pacing();
    full.give(10);
    await jest.advanceTimersByTimeAsync(0);
    expect(full.done()).toBe(1);
    const slow = pacing(40);
    slow.give(1);
    await jest.advanceTimersByTimeAsync(40);
    expect(slow.done()).toBe(1);
  });

  it('waits no longer once it is to end', async () => {
    const { give, done, ending } = pacing();
    give(1);
    await jest.advanceTimersByTimeAsync(5);
    ending.abort();
    await jest.advanceTimersByTimeAsync(0);
    expect(done()).toBe(1);
    give(1);
    await jest.advanceTimersByTimeAsync(0);
    expect(done()).toBe(2);
    expect(jest.getTimerCount()).toBe(0);
  });
});
