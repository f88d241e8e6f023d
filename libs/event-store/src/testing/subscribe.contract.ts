import { describe, expect, it } from '@jest/globals';
import { START, type Position, type StoredEvent } from '@drover/contracts';
import type { EventFilter, EventStore, Subscription } from '../event-store.port.js';
import { anEvent, aStream, expectAscending, readEverything } from './events.js';
import type { OpenEventStores } from './event-store.contract.js';

export function subscribeContract(open: OpenEventStores): void {
  describe('subscribe', () => {
    it('goes from history to live without gap or duplicate while several write', async () => {
      const { store, peers } = await open();
      const writers = [store, ...peers];
      const write = async (writer: EventStore, count: number) => {
        for (let n = 0; n < count; n += 1) await writer.append(aStream(), 'no-stream', [anEvent(), anEvent()]);
      };
      await Promise.all(writers.map((writer) => write(writer, 10)));
      const writing = Promise.all(writers.flatMap((writer) => [write(writer, 20), write(writer, 20)]));
      const followers = [store, ...peers, store].map((reader) => collect(reader, START, { batchSize: 7 }));
      await writing;
      const all = await readEverything(store);
      expect(all).toHaveLength(writers.length * 100);
      for (const { subscription, events } of followers) {
        await subscription.caughtUp();
        expect(events.map((event) => event.id)).toEqual(all.map((event) => event.id));
        expectAscending(events);
        expect(subscription.position).toBe(await store.head());
        await subscription.stop();
      }
    });

    it('gives what is appended later, from any position on', async () => {
      const { store } = await open();
      await store.append(aStream(), 'no-stream', [anEvent()]);
      const { subscription, events } = collect(store, await store.head());
      await subscription.caughtUp();
      expect(events).toEqual([]);
      const later = anEvent();
      await store.append(aStream(), 'no-stream', [later]);
      await subscription.caughtUp();
      expect(events.map((event) => event.id)).toEqual([later.id]);
      await subscription.stop();
    });

    it('tells where it is when the filter lets nothing through', async () => {
      const { store } = await open();
      await store.append(aStream(), 'no-stream', [anEvent()]);
      const { subscription, events, reached } = collect(store, START, { filter: { streamKinds: ['host'] } });
      await subscription.caughtUp();
      await store.append(aStream(), 'no-stream', [anEvent()]);
      await subscription.caughtUp();
      expect(events).toEqual([]);
      expect(reached.at(-1)).toBe(await store.head());
      await store.append(aStream('host'), 'no-stream', [anEvent()]);
      await subscription.caughtUp();
      expect(events).toHaveLength(1);
      await subscription.stop();
    });

    it('calls the handler again only when it has resolved, with batches of the size asked for', async () => {
      const { store } = await open();
      for (let n = 0; n < 5; n += 1) await store.append(aStream(), 'no-stream', [anEvent(), anEvent()]);
      const sizes: number[] = [];
      let running = 0;
      const handler = async (events: readonly StoredEvent[]) => {
        running += 1;
        expect(running).toBe(1);
        sizes.push(events.length);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
      };
      const subscription = store.subscribe(START, handler, { batchSize: 4 });
      await subscription.caughtUp();
      expect(sizes).toEqual([4, 4, 2]);
      await subscription.stop();
    });

    it('waits in stop for the running handler and calls it no more', async () => {
      const { store } = await open();
      await store.append(aStream(), 'no-stream', [anEvent()]);
      const entered = Promise.withResolvers<void>();
      const leave = Promise.withResolvers<void>();
      let calls = 0;
      const subscription = store.subscribe(START, () => {
        calls += 1;
        entered.resolve();
        return leave.promise;
      });
      await entered.promise;
      let hasStopped = false;
      const stopping = subscription.stop().then(() => {
        hasStopped = true;
      });
      await store.append(aStream(), 'no-stream', [anEvent()]);
      expect(hasStopped).toBe(false);
      leave.resolve();
      await stopping;
      await subscription.closed;
      await subscription.stop();
      expect(calls).toBe(1);
      await expect(subscription.caughtUp()).rejects.toThrow();
    });

    it('ends where it begins beyond the newest event, and the others go on as before', async () => {
      const { store } = await open();
      await store.append(aStream(), 'no-stream', [anEvent()]);
      const { subscription, events } = collect(store, START);
      await subscription.caughtUp();
      const beyond = store.subscribe('9007199254740991' as Position, () => undefined);
      const refused = { name: 'Rejected', rejection: { code: 'POSITION_BEYOND_HEAD' } };
      await expect(beyond.closed).rejects.toMatchObject(refused);
      await store.append(aStream(), 'no-stream', [anEvent()]);
      await subscription.caughtUp();
      expect(events).toHaveLength(2);
      await subscription.stop();
    });

    it('ends when the handler throws, and leaves the others alone', async () => {
      const { store } = await open();
      await store.append(aStream(), 'no-stream', [anEvent()]);
      const failing = store.subscribe(START, () => {
        throw new Error('cannot fold');
      });
      const other = collect(store, START);
      await expect(failing.closed).rejects.toThrow('cannot fold');
      expect(failing.position).toBe(START);
      await failing.stop();
      await store.append(aStream(), 'no-stream', [anEvent()]);
      await other.subscription.caughtUp();
      expect(other.events).toHaveLength(2);
      await other.subscription.stop();
    });
  });

  describe('a lost tail', () => {
    it('fails everything that this process asks, and a new one works on what is left', async () => {
      const { store, restoreOlderCopy } = await open();
      const [stream, other] = [aStream(), aStream()];
      for (const name of [stream, other]) await store.append(name, 'no-stream', [anEvent(), anEvent()]);
      const { subscription } = collect(store, START, { filter: { streamKinds: ['vm'] } });
      await subscription.caughtUp();
      const restored = await restoreOlderCopy('3' as Position);
      const lost = { name: 'Fault', code: 'STORE_TAIL_LOST' };
      await expect(subscription.closed).rejects.toMatchObject({ ...lost, data: { seen: 4, newest: 3 } });
      await expect(store.readAll(START)).rejects.toMatchObject(lost);
      await expect(store.head()).rejects.toMatchObject(lost);
      await expect(store.append(aStream(), 'any', [anEvent()])).rejects.toMatchObject(lost);
      expect((await readEverything(restored)).map((event) => event.stream)).toEqual([stream, stream, other]);
      expect(await restored.append(other, 0, [anEvent()])).toMatchObject({
        kind: 'appended',
        revision: 1,
        position: '4',
      });
    });
  });

  describe('close', () => {
    it('finishes appends, ends subscriptions and refuses more', async () => {
      const { store } = await open();
      const { subscription } = collect(store, START);
      const appending = store.append(aStream(), 'no-stream', [anEvent()]);
      await store.close();
      await subscription.closed;
      expect(await appending).toMatchObject({ kind: 'appended' });
      await expect(store.append(aStream(), 'no-stream', [anEvent()])).rejects.toThrow('closed');
      await expect(store.head()).rejects.toThrow('closed');
      await store.close();
    });
  });
}

interface Collected {
  readonly subscription: Subscription;
  readonly events: readonly StoredEvent[];
  readonly reached: readonly Position[];
}

function collect(
  store: EventStore,
  after: Position,
  options?: { readonly filter?: EventFilter; readonly batchSize?: number },
): Collected {
  const events: StoredEvent[] = [];
  const reached: Position[] = [];
  const handler = (batch: readonly StoredEvent[], upTo: Position) => {
    events.push(...batch);
    reached.push(upTo);
  };
  return { subscription: store.subscribe(after, handler, options), events, reached };
}
