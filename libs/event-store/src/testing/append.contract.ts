import { describe, expect, it } from '@jest/globals';
import { MAX_EVENT_BYTES, START } from '@drover/contracts';
import type { EventStore } from '../event-store.port.js';
import { anEvent, aStream } from './events.js';
import type { OpenEventStores } from './event-store.contract.js';

const appended = { kind: 'appended', wasRepeat: false };

export function appendContract(open: OpenEventStores): void {
  describe('append', () => {
    it('starts a stream at revision 0 and goes on without gaps', async () => {
      const { store } = await open();
      const stream = aStream();
      expect(await store.append(stream, 'no-stream', [anEvent(), anEvent()])).toMatchObject({
        ...appended,
        revision: 1,
      });
      expect(await store.append(stream, 1, [anEvent()])).toMatchObject({ ...appended, revision: 2 });
      expect(await store.append(stream, 'any', [anEvent()])).toMatchObject({ ...appended, revision: 3 });
      expect((await store.read(stream)).map((event) => event.revision)).toEqual([0, 1, 2, 3]);
    });

    it('gives back what was stored, in its envelope', async () => {
      const { store } = await open();
      const stream = aStream();
      const data = {
        text: 'zero \u0000, half \ud83d, whole 😀, "quoted", \\ {a,b}',
        number: 1.5,
        nothing: null,
        list: [],
      };
      const event = anEvent({ type: 'VmPaused', schemaVersion: 3, data });
      const result = await store.append(stream, 'no-stream', [event]);
      const [stored] = await store.read(stream);
      const recordedAt = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      const position = result.kind === 'appended' && result.position;
      expect(stored).toEqual({ ...event, stream, revision: 0, position, recordedAt });
    });

    it('stores what the event was when append was called', async () => {
      const { store } = await open();
      const stream = aStream();
      const data = { note: 'before' };
      const appending = store.append(stream, 'no-stream', [anEvent({ data })]);
      data.note = 'after';
      await appending;
      expect((await store.read(stream))[0]?.data).toEqual({ note: 'before' });
    });

    it('answers a conflict with the actual revision and stores nothing', async () => {
      const { store } = await open();
      const stream = aStream();
      expect(await store.append(stream, 0, [anEvent()])).toEqual({ kind: 'conflict', actualRevision: -1 });
      await store.append(stream, 'no-stream', [anEvent(), anEvent()]);
      expect(await store.append(stream, 'no-stream', [anEvent()])).toEqual({ kind: 'conflict', actualRevision: 1 });
      expect(await store.append(stream, 0, [anEvent()])).toEqual({ kind: 'conflict', actualRevision: 1 });
      expect(await store.append(stream, 2, [anEvent()])).toEqual({ kind: 'conflict', actualRevision: 1 });
      expect(await store.read(stream)).toHaveLength(2);
    });

    it('lets one of many win the same revision, across all writers', async () => {
      const { store, peers } = await open();
      const stream = aStream();
      const writers = [store, ...peers, store, ...peers];
      const results = await Promise.all(writers.map((writer) => writer.append(stream, 'no-stream', [anEvent()])));
      expect(results.filter((result) => result.kind === 'appended')).toHaveLength(1);
      expect(results.filter((result) => result.kind === 'conflict')).toHaveLength(writers.length - 1);
    });

    it('settles appends to one stream in the order of their calls', async () => {
      const { store } = await open();
      const stream = aStream();
      const results = await Promise.all([
        store.append(stream, 0, [anEvent()]),
        store.append(stream, 'no-stream', [anEvent(), anEvent()]),
        store.append(stream, 1, [anEvent()]),
        store.append(stream, 1, [anEvent()]),
        store.append(stream, 'any', [anEvent()]),
      ]);
      expect(results.map((result) => (result.kind === 'appended' ? result.revision : [result.actualRevision]))).toEqual(
        [[-1], 1, 2, [2], 3],
      );
    });

    it('answers a repeat with the old place, whatever revision is expected', async () => {
      const { store, peers } = await open();
      const stream = aStream();
      const events = [anEvent(), anEvent()];
      const first = await store.append(stream, 'no-stream', events);
      await store.append(stream, 1, [anEvent()]);
      for (const expected of ['no-stream', 'any', 0, 2, 7] as const) {
        for (const writer of [store, ...peers]) {
          expect(await writer.append(stream, expected, events)).toEqual({ ...first, wasRepeat: true });
        }
      }
      expect(await store.read(stream)).toHaveLength(3);
    });

    it('stores a repeat once that comes while the first is under way', async () => {
      const { store, peers } = await open();
      const stream = aStream();
      const events = [anEvent(), anEvent()];
      const writers = [store, store, ...peers, ...peers];
      const results = await Promise.all(writers.map((writer) => writer.append(stream, 'no-stream', events)));
      expect(results.map((result) => result.kind === 'appended' && !result.wasRepeat).filter(Boolean)).toHaveLength(1);
      expect(new Set(results.map((result) => result.kind === 'appended' && result.position)).size).toBe(1);
      expect(await store.read(stream)).toHaveLength(2);
    });

    it('throws when some ids are known and some are not', async () => {
      const { store } = await open();
      const stream = aStream();
      const known = anEvent();
      await store.append(stream, 'no-stream', [known]);
      await expect(store.append(stream, 0, [known, anEvent()])).rejects.toThrow('stored already');
      await expect(store.append(stream, 'any', [anEvent(), known])).rejects.toThrow('stored already');
      expect(await store.read(stream)).toHaveLength(1);
    });

    it('throws when an id stands in another stream', async () => {
      const { store } = await open();
      const event = anEvent();
      const [here, elsewhere] = [aStream(), aStream()];
      await store.append(elsewhere, 'no-stream', [event]);
      await expect(store.append(here, 'no-stream', [event])).rejects.toThrow('stored already');
      expect(await store.read(here)).toEqual([]);
    });

    it('refuses what no caller may send, and harms no append that comes with it', async () => {
      const { store } = await open();
      const stream = aStream();
      const twice = anEvent();
      const good = store.append(stream, 'no-stream', [anEvent()]);
      await expect(store.append(stream, 'any', [])).rejects.toThrow('nothing to append');
      await expect(store.append(stream, 'any', [twice, twice])).rejects.toThrow('twice');
      await expect(store.append(stream, -1, [anEvent()])).rejects.toThrow('not an expected revision');
      await expect(store.append(stream, 'any', [anEvent({ type: '' })])).rejects.toThrow('not an event type');
      await expect(store.append(stream, 'any', [anEvent({ data: undefined })])).rejects.toThrow('cannot be written');
      const nested = JSON.parse(`${'{"a":'.repeat(201)}1${'}'.repeat(201)}`) as unknown;
      await expect(store.append(stream, 'any', [anEvent({ data: nested })])).rejects.toThrow('nested deeper');
      for (const name of ['vm', 'Vm-1', 'vm-', '-1', "vm-1'; drop", `vm-${'a'.repeat(126)}`]) {
        await expect(store.append(name, 'any', [anEvent()])).rejects.toThrow('not a stream name');
      }
      expect(await good).toMatchObject(appended);
      expect(await store.read(stream)).toHaveLength(1);
    });

    it('takes an event just below 256 KiB and refuses one above', async () => {
      const { store } = await open();
      const stream = aStream();
      const ofBytes = (bytes: number) => anEvent({ data: 'ü'.repeat(bytes / 2) });
      await expect(store.append(stream, 'any', [anEvent(), ofBytes(MAX_EVENT_BYTES)])).rejects.toThrow('are allowed');
      expect(await store.append(stream, 'any', [ofBytes(MAX_EVENT_BYTES - 1024)])).toMatchObject({ revision: 0 });
      expect((await store.read(stream))[0]?.data).toHaveLength((MAX_EVENT_BYTES - 1024) / 2);
    });

    it('records times that never decrease with the position', async () => {
      const { store, peers } = await open();
      const writers = [store, ...peers];
      const write = async (writer: EventStore) => {
        for (let n = 0; n < 20; n += 1) await writer.append(aStream(), 'no-stream', [anEvent()]);
      };
      await Promise.all(writers.map(write));
      const times = (await store.readAll(START)).events.map((event) => event.recordedAt);
      expect(times).toHaveLength(20 * writers.length);
      expect(times).toEqual(times.toSorted());
    });
  });
}
