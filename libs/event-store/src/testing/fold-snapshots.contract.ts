import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { positionSchema, START, type Position } from '@drover/contracts';
import type { EventStore } from '../event-store.port.js';
import type { FoldChanges, FoldOwner, FoldRow, FoldSnapshots } from '../fold-snapshots.port.js';
import { anEvent, aStream, readEverything } from './events.js';

export type StoreWithSnapshots = EventStore & { readonly foldSnapshots: FoldSnapshots };

export interface FoldSnapshotsUnderTest {
  /** A store without events and snapshots. */
  readonly store: StoreWithSnapshots;
  /** Puts an older copy of the events in their place, up to `upTo`, and leaves the snapshots as they are. */
  readonly restoreOlderCopy: (upTo: Position) => Promise<StoreWithSnapshots>;
}

const EVENTS = 30;

/** What every adapter of `FoldSnapshots` must do. `open` gives a new store and is followed by `close`. */
export function foldSnapshotsContract(open: () => Promise<FoldSnapshotsUnderTest>, close: () => Promise<void>): void {
  let under: FoldSnapshotsUnderTest;
  let positions: readonly Position[] = [];
  const snapshots = () => under.store.foldSnapshots;
  /** Of the nth event. */
  const at = (n: number): Position => positions[n - 1] ?? START;
  const append = (store: EventStore, count: number) =>
    store.append(
      aStream(),
      'no-stream',
      Array.from({ length: count }, () => anEvent()),
    );
  const newOwner = (): FoldOwner => ({ service: randomUUID(), version: '1' });
  const row = (id: string, position: number, state: unknown = { at: position }): FoldRow => ({
    kind: 'vm',
    id,
    revision: position,
    position: at(position),
    firstPosition: at(1),
    state,
  });
  const keep = (...kept: readonly FoldRow[]): FoldChanges => ({ kept, gone: [] });

  async function load(owner: FoldOwner, from = snapshots()) {
    const rows: FoldRow[] = [];
    const position = await from.load(owner, (some) => rows.push(...some));
    return { position, rows: rows.sort((a, b) => (a.id < b.id ? -1 : 1)) };
  }

  describe('snapshots of folds', () => {
    beforeEach(async () => {
      under = await open();
      await append(under.store, EVENTS);
      positions = (await readEverything(under.store)).map(({ position }) => position);
    });
    afterEach(close);

    it('are not there before the first one', async () => {
      expect(await load(newOwner())).toEqual({ position: undefined, rows: [] });
    });

    it('give back what was saved, in however many parts', async () => {
      const owner = newOwner();
      const rows = Array.from({ length: 450 }, (_, index) => row(`id-${String(index).padStart(3, '0')}`, 7));
      const text = { text: 'quote " backslash \\ umlaut ü', nothing: null, list: [1, { a: true }] };
      const odd = { ...row('other', 9, text), kind: 'host' };
      expect(await snapshots().save(owner, at(10), [keep(...rows.slice(0, 200)), keep(...rows.slice(200), odd)])).toBe(
        true,
      );
      expect(await load(owner)).toEqual({ position: at(10), rows: [...rows, odd] });
    });

    it('of another history are not read and never come back, however far the store comes again', async () => {
      const [behind, within] = [newOwner(), newOwner()];
      await snapshots().save(behind, at(20), [keep(row('a', 1))]);
      await snapshots().save(within, at(10), [keep(row('b', 1))]);
      const restored = await under.restoreOlderCopy(at(10));
      const nothing = { position: undefined, rows: [] };
      expect(await load(within, restored.foldSnapshots)).toEqual({ position: at(10), rows: [row('b', 1)] });
      expect(await load(behind, restored.foldSnapshots)).toEqual(nothing);
      await append(restored, EVENTS);
      expect(await load(behind, restored.foldSnapshots)).toEqual(nothing);
      expect(await restored.foldSnapshots.save(behind, at(12), [])).toBe(true);
      expect(await load(behind, restored.foldSnapshots)).toEqual({ position: at(12), rows: [] });
    });

    it('are not read where other events stand in the place of those they were made from', async () => {
      const owner = newOwner();
      await snapshots().save(owner, at(20), [keep(row('a', 1))]);
      const restored = await under.restoreOlderCopy(at(10));
      await append(restored, EVENTS);
      expect(await load(owner, restored.foldSnapshots)).toEqual({ position: undefined, rows: [] });
    });

    it('are saved only where an event stands, and at the start of a store', async () => {
      const owner = newOwner();
      const beyond = positionSchema.parse(String(EVENTS + 1));
      await expect(snapshots().save(owner, beyond, [])).rejects.toMatchObject({ name: 'Rejected' });
      expect(await snapshots().save(owner, START, [])).toBe(true);
      expect(await load(owner)).toEqual({ position: START, rows: [] });
    });

    it('keep what did not change, replace what did, and drop what is over', async () => {
      const owner = newOwner();
      await snapshots().save(owner, at(10), [keep(row('a', 1), row('b', 2), row('c', 3))]);
      await snapshots().save(owner, at(20), [
        {
          kept: [row('b', 15)],
          gone: [
            { kind: 'vm', id: 'c' },
            { kind: 'vm', id: 'z' },
          ],
        },
      ]);
      expect(await load(owner)).toEqual({ position: at(20), rows: [row('a', 1), row('b', 15)] });
    });

    it('go forward only: one that another replica has passed changes nothing', async () => {
      const owner = newOwner();
      await snapshots().save(owner, at(20), [keep(row('a', 20))]);
      expect(await snapshots().save(owner, at(20), [keep(row('a', 19))])).toBe(false);
      expect(await snapshots().save(owner, at(9), [{ kept: [], gone: [{ kind: 'vm', id: 'a' }] }])).toBe(false);
      expect(await load(owner)).toEqual({ position: at(20), rows: [row('a', 20)] });
    });

    it('are saved whole or not at all', async () => {
      const owner = newOwner();
      await snapshots().save(owner, at(10), [keep(row('a', 1))]);
      function* failing(): Generator<FoldChanges> {
        yield keep(row('a', 15), row('b', 15));
        throw new Error('the folding failed');
      }
      await expect(snapshots().save(owner, at(20), failing())).rejects.toThrow('the folding failed');
      expect(await load(owner)).toEqual({ position: at(10), rows: [row('a', 1)] });
    });

    it('of two replicas that save at once are those of one after the other', async () => {
      const owner = newOwner();
      const saved = await Promise.all(
        [11, 12, 13, 14].map((position) => snapshots().save(owner, at(position), [keep(row('a', position))])),
      );
      const newest = Math.max(...[11, 12, 13, 14].filter((_, index) => saved[index]));
      expect(newest).toBe(14);
      expect(await load(owner)).toEqual({ position: at(14), rows: [row('a', 14)] });
    });

    it('of the two newest versions are kept, and of services apart', async () => {
      const owner = newOwner();
      const other = newOwner();
      const versions = ['1', '2', '3'].map((version) => ({ ...owner, version }));
      await snapshots().save(other, at(1), [keep(row('a', 1))]);
      for (const [index, version] of versions.entries())
        await snapshots().save(version, at(index + 1), [keep(row('a', 1))]);
      const positions = await Promise.all([...versions, other].map(async (version) => (await load(version)).position));
      expect(positions).toEqual([undefined, at(2), at(3), at(1)]);
    });
  });
}
