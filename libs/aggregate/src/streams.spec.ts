import { beforeEach, describe, expect, it } from '@jest/globals';
import type { StoredHostEvent } from '@drover/contracts';
import { createMemoryEventStore, type EventStore } from '@drover/event-store';
import { appending, cordons, factsOf, hostOf, type Cordons } from './testing/cordons.js';
import { FaultyStore } from './testing/faulty-store.js';
import { Streams } from './streams.js';

const host = hostOf(1);
const stream = `host-${host}`;

describe('streams of one kind', () => {
  let store: EventStore;
  let faulty: FaultyStore;
  let streams: Streams<Cordons, StoredHostEvent, typeof host>;

  beforeEach(() => {
    store = createMemoryEventStore({ clock: { epochMs: () => 50_000, monotonicMs: () => 50_000 } });
    faulty = new FaultyStore(store);
    streams = new Streams(faulty, cordons);
  });

  const cordon = (causationId = 'cause') => streams.change(host, appending(causationId, factsOf(host, 'HostCordoned')));
  const stored = async () => (await store.read(stream)) as readonly StoredHostEvent[];
  const folded = async () => (await stored()).reduce(cordons.evolve, cordons.initialState);
  const feed = async () => {
    for (const event of await stored()) streams.folds.follow(event);
  };
  const elsewhere = async (...facts: Parameters<typeof factsOf> extends [unknown, ...infer Types] ? Types : never) => {
    const other = new Streams<Cordons, StoredHostEvent, typeof host>(store, cordons);
    await other.change(host, appending(`elsewhere ${facts.join()}`, factsOf(host, ...facts)));
  };

  it('take their own events at once, and the store’s time when the feed brings them', async () => {
    const changed = await cordon();
    expect(changed).toMatchObject({ revision: 0, result: 'cause', state: { isCordoned: true } });
    expect(streams.folds.get(host).state.at).toBe(new Date(1_000).toISOString());
    await feed();
    expect(streams.folds.get(host).state).toEqual(await folded());
    expect(streams.folds.get(host).state.at).toBe(new Date(50_000).toISOString());
  });

  it('count an event once, whichever way it comes first', async () => {
    const change = cordon();
    await feed();
    await change;
    await feed();
    expect(streams.folds.get(host)).toMatchObject({ revision: 0, state: await folded() });
  });

  it('read the stream before the next decision where an append was not answered', async () => {
    faulty.fateOf = (append) => (append === 1 ? 'unanswered' : 'stored');
    await expect(cordon()).rejects.toMatchObject({ outcome: 'unknown' });
    expect(streams.folds.get(host).revision).toBe(-1);
    const { result } = await streams.change(host, ({ revision }) => ({ events: [], result: revision }));
    expect(result).toBe(0);
  });

  it('decide again on what another process wrote first', async () => {
    await cordon();
    await elsewhere('HostUncordoned');
    const seen: boolean[] = [];
    await streams.change(host, (folded) => {
      seen.push(folded.state.isCordoned);
      return appending('later', factsOf(host, 'HostSuspected'))(folded);
    });
    expect(seen).toEqual([true, false]);
    expect((await stored()).map(({ type }) => type)).toEqual(['HostCordoned', 'HostUncordoned', 'HostSuspected']);
  });

  it('take a repeated append for done, and read what the stream holds', async () => {
    faulty.fateOf = (append) => (append === 1 ? 'unanswered' : 'stored');
    await expect(cordon()).rejects.toThrow();
    await elsewhere('HostUncordoned');
    const { state, revision, wasRepeat } = await streams.create(
      host,
      appending('cause', factsOf(host, 'HostCordoned')),
    );
    expect({ state, revision, wasRepeat }).toEqual({ state: await folded(), revision: 1, wasRepeat: true });
    expect(await stored()).toHaveLength(2);
  });

  it('give up where others keep writing, and say that nothing was applied', async () => {
    let others = 0;
    const raced = new Streams<Cordons, StoredHostEvent, typeof host>(
      {
        read: (name, options) => store.read(name, options),
        append: async (name, expected, events) => {
          others += 1;
          await store.append(name, 'any', appending(`other ${others}`, factsOf(host, 'HostSuspected'))(unread).events);
          return store.append(name, expected, events);
        },
      },
      cordons,
    );
    const unread = raced.folds.get(host);
    const change = raced.change(host, appending('cause', factsOf(host, 'HostCordoned')));
    await expect(change).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', outcome: 'not-applied' });
    expect((await stored()).map(({ type }) => type)).toEqual(Array.from({ length: others }, () => 'HostSuspected'));
  });

  it('change one stream after the other change has ended, and other streams meanwhile', async () => {
    const log: string[] = [];
    const held = Promise.withResolvers<void>();
    const slow = new Streams<Cordons, StoredHostEvent, typeof host>(
      {
        read: (name, options) => store.read(name, options),
        append: async (name, expected, events) => {
          if (name === stream) await held.promise;
          return store.append(name, expected, events);
        },
      },
      cordons,
    );
    const changes = ['first', 'second'].map((cause) =>
      slow
        .change(host, (before) =>
          appending(cause, factsOf(host, before.revision < 0 ? 'HostCordoned' : 'HostSuspected'))(before),
        )
        .then(({ revision }) => log.push(`${cause} ${revision}`)),
    );
    const other = hostOf(2);
    await slow.change(other, appending('other', factsOf(other, 'HostCordoned'))).then(() => log.push('other'));
    held.resolve();
    await Promise.all(changes);
    expect(log).toEqual(['other', 'first 0', 'second 1']);
  });

  it('do not read what is created, unless it is there already', async () => {
    await streams.create(host, appending('cause', factsOf(host, 'HostCordoned')));
    expect(faulty.reads).toBe(0);
    await elsewhere('HostUncordoned');
    const second = new Streams<Cordons, StoredHostEvent, typeof host>(faulty, cordons);
    await second.create(host, (before) =>
      before.revision < 0 ? appending('again', factsOf(host, 'HostCordoned'))(before) : { events: [], result: 'there' },
    );
    expect(faulty.reads).toBe(1);
    expect(await stored()).toHaveLength(2);
  });

  it('let go what is over once the feed has brought it, and read it again for a late decision', async () => {
    await cordon();
    await streams.change(host, appending('end', factsOf(host, 'HostReturned')));
    expect(streams.folds.has(host)).toBe(true);
    await feed();
    expect(streams.folds.has(host)).toBe(false);
    const late = await streams.change(host, ({ state }) => ({ events: [], result: state.isOver }));
    expect(late).toMatchObject({ result: true, revision: 1 });
    expect(streams.folds.has(host)).toBe(false);
  });

  it('take up again what was over and let go, when something more is decided on it', async () => {
    await streams.change(host, appending('end', factsOf(host, 'HostReturned')));
    await feed();
    await streams.change(host, appending('again', factsOf(host, 'HostSuspected')));
    await feed();
    expect(streams.folds.get(host)).toMatchObject({ revision: 1, state: await folded() });
  });

  it('read again what was dropped from memory and that another process then wrote to', async () => {
    await streams.change(host, appending('end', factsOf(host, 'HostReturned')));
    await feed();
    await elsewhere('HostSuspected');
    await feed();
    expect(streams.folds.has(host)).toBe(false);
    await streams.loadMissed();
    expect(streams.folds.get(host)).toMatchObject({ revision: 1, state: await folded() });
    await elsewhere('HostUncordoned');
    await feed();
    expect(streams.folds.get(host)).toMatchObject({ revision: 2, state: await folded() });
    expect([...streams.folds.missed()]).toEqual([]);
  });

  it('read once more what was written while it was read', async () => {
    await streams.change(host, appending('end', factsOf(host, 'HostReturned')));
    await feed();
    await elsewhere('HostSuspected');
    await feed();
    const loading = streams.loadMissed();
    await elsewhere('HostUncordoned');
    await feed();
    await loading;
    await streams.loadMissed();
    await elsewhere('HostCordoned');
    await feed();
    expect(streams.folds.get(host)).toMatchObject({ revision: 3, state: await folded() });
  });

  it('refuse to go on where an event of a stream in memory is missing', async () => {
    await cordon();
    const [first] = await stored();
    if (first === undefined) throw new Error('nothing is stored');
    expect(() => streams.folds.follow({ ...first, revision: 2 })).toThrow('came after 0');
  });

  it('do not decide on what a newer release wrote', async () => {
    await cordon();
    await store.append(stream, 0, [
      {
        ...appending('newer', factsOf(host, 'HostSuspected'))(streams.folds.get(host)).events[0],
        type: 'HostAbducted',
      } as never,
    ]);
    await expect(streams.change(host, appending('late', factsOf(host, 'HostUncordoned')))).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      outcome: 'not-applied',
    });
  });

  it('find ids by their state, kept level with changes, ends and restores', async () => {
    const cordoned = streams.folds.idsWhere((state) => state.isCordoned);
    const byCount = streams.folds.indexBy((state) => [state.seen.length]);
    await cordon();
    expect([[...cordoned], [...byCount(1)]]).toEqual([[host], [host]]);
    await streams.change(host, appending('two', factsOf(host, 'HostUncordoned')));
    expect([[...cordoned], [...byCount(1)], [...byCount(2)]]).toEqual([[], [], [host]]);
    await streams.change(host, appending('end', factsOf(host, 'HostReturned')));
    await feed();
    expect([...byCount(3)]).toEqual([]);
  });

  it('tell of each change, and once more when the feed has come up to a beginning that was folded ahead', async () => {
    const told: string[] = [];
    streams.folds.onChange((_, after, before) => told.push(`${before.revision}→${after.revision}`));
    await cordon();
    expect(streams.folds.isAheadOfFeed(host)).toBe(true);
    await feed();
    expect(streams.folds.isAheadOfFeed(host)).toBe(false);
    expect(told).toEqual(['-1→0', '0→0']);
  });
});
