import { beforeEach, describe, expect, it } from '@jest/globals';
import { START, type HostId, type Position, type StoredHostEvent } from '@drover/contracts';
import {
  createMemoryEventStore,
  type EventStore,
  type FoldSnapshots,
  type MemoryEventStore,
} from '@drover/event-store';
import { FoldSaver } from './fold-saver.process.js';
import { Streams } from './streams.js';
import { appending, cordons, factsOf, hostOf, type Cordons } from './testing/cordons.js';

class Replica {
  readonly streams: Streams<Cordons, StoredHostEvent, HostId>;
  readonly saver: FoldSaver;
  readonly #store: EventStore;
  #position: Position = START;

  constructor(store: EventStore, snapshots: FoldSnapshots, stateVersion = 1) {
    this.#store = store;
    this.streams = new Streams(store, { ...cordons, stateVersion });
    this.saver = new FoldSaver('spec', [this.streams.folds], snapshots);
  }

  async start(): Promise<this> {
    this.#position = await this.saver.restore();
    return this;
  }

  /** Follows at most so many events; gives how many there were. */
  async follow(limit = 1_000): Promise<number> {
    const { events, next } = await this.#store.readAll(this.#position, { limit });
    for (const event of events) this.streams.folds.follow(event as StoredHostEvent);
    this.#position = next;
    return events.length;
  }

  save(): Promise<boolean> {
    return this.saver.save(this.#position);
  }
}

describe('a snapshot of folds', () => {
  let store: MemoryEventStore;
  let snapshots: FoldSnapshots;
  let causes = 0;

  beforeEach(() => {
    store = createMemoryEventStore();
    snapshots = store.foldSnapshots;
  });

  const replica = (stateVersion?: number) => new Replica(store, snapshots, stateVersion).start();
  const change = (
    on: Replica,
    host: number,
    ...types: Parameters<typeof factsOf> extends [unknown, ...infer T] ? T : never
  ) => {
    causes += 1;
    return on.streams.change(hostOf(host), appending(`cause ${causes}`, factsOf(hostOf(host), ...types)));
  };

  it('spares reading the events before it', async () => {
    const first = await replica();
    for (let host = 1; host <= 20; host += 1) await change(first, host, 'HostCordoned', 'HostUncordoned');
    await first.follow();
    await first.save();
    await change(first, 3, 'HostSuspected');
    const second = await replica();
    expect(await second.follow()).toBe(1);
    expect(second.streams.folds.get(hostOf(3)).revision).toBe(2);
    expect(second.streams.folds.get(hostOf(20)).state).toEqual(first.streams.folds.get(hostOf(20)).state);
  });

  it('holds what was written ahead of the feed, which counts once when the feed brings it', async () => {
    const first = await replica();
    await change(first, 1, 'HostCordoned');
    await first.follow();
    await change(first, 1, 'HostUncordoned');
    await change(first, 2, 'HostCordoned');
    await first.save();
    const second = await replica();
    expect(second.streams.folds.get(hostOf(1)).revision).toBe(1);
    expect(second.streams.folds.isAheadOfFeed(hostOf(2))).toBe(true);
    expect(await second.follow()).toBe(2);
    expect(second.streams.folds.isAheadOfFeed(hostOf(2))).toBe(false);
    expect(second.streams.folds.get(hostOf(1)).revision).toBe(1);
  });

  it('forgets what is over', async () => {
    const first = await replica();
    await change(first, 1, 'HostCordoned');
    await first.follow();
    await first.save();
    await change(first, 1, 'HostReturned');
    await first.follow();
    await change(first, 2, 'HostCordoned');
    await first.follow();
    await first.save();
    const second = await replica();
    expect([...second.streams.folds.ids()]).toEqual([hostOf(2)]);
  });

  it('of another version of the state is not read', async () => {
    const first = await replica(1);
    await change(first, 1, 'HostCordoned');
    await first.follow();
    await first.save();
    const second = await replica(2);
    expect(second.saver.savedPosition).toBe(START);
    expect(await second.follow()).toBe(1);
  });

  it('that a further replica saved is left, and what changed is named the next time', async () => {
    const slow = await replica();
    const fast = await replica();
    await change(fast, 1, 'HostCordoned');
    await change(fast, 2, 'HostCordoned');
    await slow.follow(1);
    await fast.follow();
    expect(await fast.save()).toBe(true);
    expect(await slow.save()).toBe(false);
    await slow.follow();
    await change(slow, 3, 'HostCordoned');
    await slow.follow();
    expect(await slow.save()).toBe(true);
    expect((await replica()).streams.folds.size).toBe(3);
  });

  it('that could not be saved loses nothing', async () => {
    const first = await replica();
    await change(first, 1, 'HostCordoned');
    await first.follow();
    const { save } = snapshots;
    snapshots.save = async (owner, position, changes) => {
      for (const some of changes) expect(some.kept).toHaveLength(1);
      throw new Error('the disk is full');
    };
    await expect(first.save()).rejects.toThrow('the disk is full');
    snapshots.save = save;
    expect(await first.save()).toBe(true);
    expect((await replica()).streams.folds.size).toBe(1);
  });
});
