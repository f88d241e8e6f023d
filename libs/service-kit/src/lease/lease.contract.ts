import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLogger } from '@drover/observability';
import { runLease, type Lease } from './lease.runner.js';
import type { LeaseStore } from '@drover/event-store';

export interface LeaseStoreUnderTest {
  readonly ttlMs: number;
  /** A connection of its own for each who competes. */
  connect(): Promise<LeaseStore>;
  /** Waits, in the time that leases live in, until it is so. */
  until(condition: () => boolean | Promise<boolean>): Promise<void>;
  /** Loses all that is stored, while clients are there. */
  wipe(): Promise<void>;
  /** A person deletes the key. */
  deleteKey(): Promise<void>;
  stop(): Promise<void>;
}

interface Competitor {
  readonly lease: Lease;
  /** The store does not answer this one any more. */
  cut(): void;
  heal(): void;
}

export function describeLease(name: string, start: () => Promise<LeaseStoreUnderTest>): void {
  describe(name, () => {
    let setup: LeaseStoreUnderTest;
    let competitors: Competitor[];
    /** What happened, in order: `a acquired`, `a lost`. */
    let story: string[];
    /** Every two who held at the same moment. */
    let overlaps: string[];

    async function compete(holderId: string): Promise<Competitor> {
      const store = await setup.connect();
      let isCut = false;
      const guard = <T>(action: () => Promise<T>): Promise<T> =>
        isCut ? Promise.reject(new Error('no answer')) : action();
      const lease = runLease(
        {
          store: {
            read: (key) => guard(() => store.read(key)),
            write: (key, value, revision) => guard(() => store.write(key, value, revision)),
          },
          key: 'vm-manager',
          holderId,
          ttlMs: setup.ttlMs,
          logger: silentLogger,
        },
        {
          onAcquired: () => {
            story.push(`${holderId} acquired`);
            const holding = competitors.filter((other) => other.lease.holds());
            if (holding.length > 1) overlaps.push(story.join(', '));
          },
          onLost: () => void story.push(`${holderId} lost`),
        },
      );
      const competitor = { lease, cut: () => void (isCut = true), heal: () => void (isCut = false) };
      competitors.push(competitor);
      return competitor;
    }

    beforeEach(async () => {
      setup = await start();
      competitors = [];
      story = [];
      overlaps = [];
    });

    afterEach(async () => {
      for (const competitor of competitors) competitor.heal();
      await Promise.all(competitors.map(({ lease }) => lease.release()));
      await setup.stop();
      expect(overlaps).toEqual([]);
    });

    it('is held by one, and by another only when the first has lost it by its own clock', async () => {
      const a = await compete('a');
      await setup.until(() => a.lease.holds());
      const b = await compete('b');
      await setup.until(() => b.lease.holder === 'a');
      a.cut();
      await setup.until(() => b.lease.holds());
      expect(a.lease.holds()).toBe(false);
      expect(story).toEqual(['a acquired', 'a lost', 'b acquired']);
      a.heal();
      await setup.until(() => a.lease.holder === 'b');
      expect(a.lease.holds()).toBe(false);
    });

    it('goes at once to another when it is released, after the holder has put down its work', async () => {
      const a = await compete('a');
      await setup.until(() => a.lease.holds());
      const b = await compete('b');
      await setup.until(() => b.lease.holder === 'a');
      await a.lease.release();
      expect(a.lease.holds()).toBe(false);
      await setup.until(() => b.lease.holds());
      expect(story).toEqual(['a acquired', 'a lost', 'b acquired']);
    });

    it('comes back to the one who lost it, when no other took it', async () => {
      const a = await compete('a');
      await setup.until(() => a.lease.holds());
      a.cut();
      await setup.until(() => story.includes('a lost'));
      a.heal();
      await setup.until(() => a.lease.holds());
      expect(story).toEqual(['a acquired', 'a lost', 'a acquired']);
    });

    it('is never held by two when the store loses everything', async () => {
      const a = await compete('a');
      await setup.until(() => a.lease.holds());
      const b = await compete('b');
      await setup.until(() => b.lease.holder === 'a');
      await setup.wipe();
      await setup.until(() => a.lease.holds() || b.lease.holds());
      expect(overlaps).toEqual([]);
    });

    it('can be had again when a person deleted its key', async () => {
      const a = await compete('a');
      await setup.until(() => a.lease.holds());
      await a.lease.release();
      await setup.deleteKey();
      const b = await compete('b');
      await setup.until(() => b.lease.holds());
      expect(story).toEqual(['a acquired', 'a lost', 'b acquired']);
    });

    it('stays with its holder when a person deletes its key', async () => {
      const a = await compete('a');
      await setup.until(() => a.lease.holds());
      const b = await compete('b');
      await setup.until(() => b.lease.holder === 'a');
      const store = await setup.connect();
      await setup.deleteKey();
      // The holder may write it again before anybody sees that it was gone.
      await setup.until(async () => (await store.read('vm-manager')) !== undefined);
      const written = await store.read('vm-manager');
      await setup.until(async () => (await store.read('vm-manager'))?.revision !== written?.revision);
      await setup.until(() => b.lease.holder === 'a');
      expect(story).toEqual(['a acquired']);
    });

    it('is not taken from a holder that is cut off when the store loses everything', async () => {
      const a = await compete('a');
      await setup.until(() => a.lease.holds());
      const b = await compete('b');
      await setup.until(() => b.lease.holder === 'a');
      a.cut();
      await setup.wipe();
      await setup.until(() => b.lease.holds());
      expect(a.lease.holds()).toBe(false);
      expect(story).toEqual(['a acquired', 'a lost', 'b acquired']);
    });
  });
}
