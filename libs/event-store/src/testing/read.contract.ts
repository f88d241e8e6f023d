import { describe, expect, it } from '@jest/globals';
import { START, type Position } from '@drover/contracts';
import type { EventFilter } from '../event-store.port.js';
import { anEvent, aStream, expectAscending } from './events.js';
import type { OpenEventStores } from './event-store.contract.js';

export function readContract(open: OpenEventStores): void {
  describe('read', () => {
    it('reads a part of a stream', async () => {
      const { store } = await open();
      const stream = aStream();
      const events = Array.from({ length: 5 }, () => anEvent());
      await store.append(stream, 'no-stream', events);
      await store.append(aStream(), 'no-stream', [anEvent()]);
      const ids = async (options: { fromRevision?: number; limit?: number }) =>
        (await store.read(stream, options)).map((event) => event.id);
      expect(await ids({ fromRevision: 3 })).toEqual(events.slice(3).map((event) => event.id));
      expect(await ids({ fromRevision: 1, limit: 2 })).toEqual(events.slice(1, 3).map((event) => event.id));
      expect(await ids({ fromRevision: 5 })).toEqual([]);
      expect(await store.read(aStream())).toEqual([]);
    });

    it('reads everything in the order of position, page by page', async () => {
      const { store } = await open();
      expect(await store.readAll(START)).toEqual({ events: [], next: START, isEnd: true });
      expect(await store.head()).toBe(START);
      for (let n = 0; n < 3; n += 1) await store.append(aStream(), 'no-stream', [anEvent(), anEvent()]);
      const first = await store.readAll(START, { limit: 4 });
      const second = await store.readAll(first.next, { limit: 4 });
      expect([first.events.length, first.isEnd, second.events.length, second.isEnd]).toEqual([4, false, 2, true]);
      expect(second.next).toBe(await store.head());
      expectAscending([...first.events, ...second.events]);
      expect(await store.readAll(second.next)).toEqual({ events: [], next: second.next, isEnd: true });
      expect((await store.readAll(START, { limit: 6 })).isEnd).toBe(true);
    });

    it('tells its own time, which no event is recorded after', async () => {
      const { store } = await open();
      const before = await store.now();
      const stream = aStream();
      await store.append(stream, 'no-stream', [anEvent()]);
      const [event] = await store.read(stream);
      const recordedAtMs = Date.parse(event?.recordedAt ?? '');
      expect(recordedAtMs).toBeGreaterThanOrEqual(before);
      expect(await store.now()).toBeGreaterThanOrEqual(recordedAtMs);
    });

    it('lets through what the filter names, and moves past the rest', async () => {
      const { store } = await open();
      for (const kind of ['vm', 'host', 'vmx', 'volume']) {
        const events = ['VmStarted', 'VmStopped'].map((type) => anEvent({ type }));
        await store.append(aStream(kind), 'no-stream', events);
      }
      const seen = async (filter: EventFilter) => {
        const page = await store.readAll(START, { filter });
        expect(page).toMatchObject({ isEnd: true, next: await store.head() });
        return page.events.map((event) => `${event.stream.split('-')[0]} ${event.type}`);
      };
      expect(await seen({ streamKinds: ['volume', 'vm', 'vm'] })).toEqual([
        'vm VmStarted',
        'vm VmStopped',
        'volume VmStarted',
        'volume VmStopped',
      ]);
      expect(await seen({ types: ['VmStopped'] })).toHaveLength(4);
      expect(await seen({ streamKinds: ['host'], types: ['VmStopped'] })).toEqual(['host VmStopped']);
      expect(await seen({ streamKinds: ['guest'] })).toEqual([]);
      expect(await seen({ types: [] })).toEqual([]);
      const page = await store.readAll(START, { filter: { types: ['VmStopped'] }, limit: 1 });
      expect(page).toMatchObject({ isEnd: false, events: [{ stream: expect.stringMatching(/^vm-/) }] });
    });

    it('gives events of old schema versions in their newest', async () => {
      const { store } = await open([
        { type: 'VmStarted', fromVersion: 2, upcast: (data) => ({ v2: data }) },
        { type: 'VmStarted', fromVersion: 1, upcast: (data) => ({ v1: data }) },
      ]);
      const stream = aStream();
      const events = [
        anEvent({ data: 1 }),
        anEvent({ data: 1, schemaVersion: 2 }),
        anEvent({ data: 1, type: 'VmStopped' }),
      ];
      await store.append(stream, 'no-stream', events);
      const expected = [
        { schemaVersion: 3, data: { v2: { v1: 1 } } },
        { schemaVersion: 3, data: { v2: 1 } },
        { schemaVersion: 1, data: 1 },
      ];
      expect(await store.read(stream)).toMatchObject(expected);
      expect((await store.readAll(START)).events).toMatchObject(expected);
    });

    it('refuses a position that it cannot have given, and one at which no event stands', async () => {
      const { store } = await open();
      await store.append(aStream(), 'no-stream', [anEvent()]);
      const refused = (code: string) => ({ name: 'Rejected', rejection: { code } });
      for (const position of ['1.5', '01', '-1', '9007199254740993', '1e3', ''] as Position[]) {
        await expect(store.readAll(position)).rejects.toMatchObject(refused('INVALID_FIELD'));
        expect(() => store.subscribe(position, () => undefined)).toThrow('INVALID_FIELD: not a position');
      }
      for (const position of ['2', '9007199254740991'] as Position[]) {
        for (const filter of [{}, { streamKinds: ['vm'] }, { types: ['VmStarted'] }]) {
          await expect(store.readAll(position, { filter })).rejects.toMatchObject(refused('POSITION_BEYOND_HEAD'));
        }
      }
    });

    it('shows events to another reader as soon as they are acknowledged', async () => {
      const { store, peers } = await open();
      const stream = aStream();
      await store.append(stream, 'no-stream', [anEvent()]);
      for (const peer of peers) expect(await peer.read(stream)).toHaveLength(1);
    });
  });
}
