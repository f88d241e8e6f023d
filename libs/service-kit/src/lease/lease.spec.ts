import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { silentLogger } from '@drover/observability';
import { describeLease } from './lease.contract.js';
import { runLease, type Lease, type LeaseOptions } from './lease.runner.js';
import { createMemoryLeaseStore, type LeaseStore } from '@drover/event-store';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let passedMs = 0; !(await condition()); passedMs += 10) {
    if (passedMs > 60_000) throw new Error('it does not become so');
    await jest.advanceTimersByTimeAsync(10);
  }
}

describeLease('a lease in memory', async () => {
  const store = createMemoryLeaseStore();
  return {
    ttlMs: 1000,
    connect: async () => store,
    until,
    wipe: async () => store.wipe(),
    deleteKey: async () => store.delete('vm-manager'),
    stop: async () => undefined,
  };
});

describe('the holder of a lease', () => {
  const ttlMs = 1000;
  let lease: Lease;

  function hold(store: LeaseStore, more: Partial<Pick<LeaseOptions, 'clock' | 'hindrance'>> = {}): Lease {
    lease = runLease(
      { store, key: 'ha', holderId: 'a', ttlMs, logger: silentLogger, ...more },
      {
        onAcquired: () => undefined,
        onLost: () => undefined,
      },
    );
    return lease;
  }

  afterEach(() => lease.release());

  it('holds no longer once its time has passed, before any timer has run', async () => {
    let monotonicMs = 0;
    hold(createMemoryLeaseStore(), { clock: { monotonicMs: () => monotonicMs, epochMs: () => 0 } });
    await jest.advanceTimersByTimeAsync(0);
    monotonicMs = ttlMs * 2;
    await until(() => lease.holds());
    monotonicMs += ttlMs - 1;
    expect(lease.holds()).toBe(true);
    monotonicMs += 1;
    expect(lease.holds()).toBe(false);
  });

  it('does not hold after its machine was suspended, though the monotonic clock stood still', async () => {
    let epochMs = 0;
    let monotonicMs = 0;
    hold(createMemoryLeaseStore(), { clock: { monotonicMs: () => monotonicMs, epochMs: () => epochMs } });
    await jest.advanceTimersByTimeAsync(0);
    monotonicMs = ttlMs * 2;
    epochMs = ttlMs * 2;
    await until(() => lease.holds());
    epochMs += ttlMs;
    expect(lease.holds()).toBe(false);
  });

  it('counts from when a renewal was sent, not from when it was answered', async () => {
    const store = createMemoryLeaseStore();
    let answerAfterMs = 0;
    const slow: LeaseStore = {
      read: (key) => store.read(key),
      write: async (key, value, revision) => {
        const written = await store.write(key, value, revision);
        await new Promise((resolve) => setTimeout(resolve, answerAfterMs));
        return written;
      },
    };
    hold(slow);
    await until(() => lease.holds());
    answerAfterMs = ttlMs * 0.6;
    // The renewal due after a third is sent, and answered 600 ms later.
    await jest.advanceTimersByTimeAsync(ttlMs * 0.95);
    expect(lease.holds()).toBe(true);
    answerAfterMs = ttlMs * 10;
    await jest.advanceTimersByTimeAsync(ttlMs * 0.45);
    expect(lease.holds()).toBe(false);
    answerAfterMs = 0;
    await jest.advanceTimersByTimeAsync(ttlMs * 10);
  });

  it('asks the store at most some times in a time to live, when nothing that it writes is taken', async () => {
    const store = createMemoryLeaseStore();
    let asked = 0;
    hold({
      read: (key) => {
        asked += 1;
        return store.read(key);
      },
      write: async () => 'conflict',
    });
    await jest.advanceTimersByTimeAsync(10 * ttlMs);
    expect(asked).toBeLessThan(250);
    expect(asked).toBeGreaterThan(10);
  });

  it('renews and takes nothing while it could not serve, and hands over what it held at its end', async () => {
    let reason: string | undefined;
    const store = createMemoryLeaseStore();
    hold(store, { hindrance: () => reason });
    await until(() => lease.holds());
    reason = 'there is no connection';
    const held = await store.read('ha');
    await jest.advanceTimersByTimeAsync(10 * ttlMs);
    expect([lease.holds(), await store.read('ha')]).toEqual([false, held]);
    reason = undefined;
    await until(() => lease.holds());
    reason = 'there is no connection';
    await lease.release();
    expect((await store.read('ha'))?.value).toContain('"isReleased":true');
  });

  it('goes on when a renewal was stored whose answer was lost', async () => {
    const store = createMemoryLeaseStore();
    let loseAnswer = false;
    hold({
      read: (key) => store.read(key),
      write: async (key, value, revision) => {
        const written = await store.write(key, value, revision);
        if (!loseAnswer) return written;
        loseAnswer = false;
        throw new Error('timeout');
      },
    });
    await until(() => lease.holds());
    loseAnswer = true;
    await until(() => !loseAnswer);
    for (let passedMs = 0; passedMs < 3 * ttlMs; passedMs += 10) {
      await jest.advanceTimersByTimeAsync(10);
      expect(lease.holds()).toBe(true);
    }
  });
});
