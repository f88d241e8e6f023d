import { describe, expect, it } from '@jest/globals';
import { START, type Position, type StoredEvent } from '@drover/contracts';
import { SeenHistory } from '../seen-history.state.js';
import { toSequence } from '../sequence.codec.js';
import type { Queries } from './database.client.js';
import { EventReader } from './event-reader.js';
import { tablesIn } from './schema.js';

const KIB = 1024;
const meta = JSON.stringify({ at: '2025-01-31T12:00:00.000Z', actor: { kind: 'service', id: 'spec' } });

/** A database that holds events whose data are of these sizes, and answers the queries for pages as PostgreSQL would. */
function holding(sizes: readonly number[]) {
  const asked: number[] = [];
  const queryRows = async ({ values = [] }: { readonly values?: unknown[] }) => {
    const [from, limit] = values.map(Number) as [number, number];
    asked.push(limit);
    const newest = String(sizes.length);
    const head = [newest, newest, null, `event-${newest}`, null, null, null, null, null];
    const rows = sizes.slice(from, from + limit).map((size, index) => {
      const position = String(from + index + 1);
      const data = JSON.stringify('x'.repeat(size));
      const id = `event-${position}`;
      return [position, `vm-${position}`, '0', id, 'VmStarted', '1', '2025-01-31 12:00:00+00', data, meta];
    });
    return sizes.length === 0 ? [] : [head, ...rows];
  };
  const queries: Queries = { queryRows, query: () => Promise.reject(new Error('not asked by the reader')) };
  return { queries, asked };
}

async function readEverything(sizes: readonly number[], streamKinds?: readonly string[]) {
  const { queries, asked } = holding(sizes);
  const pages: number[][] = [];
  const eventsOfTurns = [0];
  const upcast = (event: StoredEvent) => {
    eventsOfTurns[eventsOfTurns.length - 1] = (eventsOfTurns.at(-1) ?? 0) + 1;
    return event;
  };
  const reader = new EventReader(queries, tablesIn('spec'), upcast, new SeenHistory());
  let isOver = false;
  const nextTurn = () => {
    eventsOfTurns.push(0);
    if (!isOver) setImmediate(nextTurn);
  };
  setImmediate(nextTurn);
  for (let next = START, isEnd = false; !isEnd;) {
    const page = await reader.page(next, streamKinds === undefined ? undefined : { streamKinds }, 500);
    pages.push(page.events.map((event) => toSequence(event.position)));
    ({ next, isEnd } = page);
  }
  isOver = true;
  return { asked, pages, mostEventsOfATurn: Math.max(...eventsOfTurns) };
}

describe('the event reader', () => {
  it.each([undefined, ['vm']])(
    'ends a page early where events are large, and leaves none out (kinds: %s)',
    async (kinds) => {
      const sizes = [...Array.from({ length: 500 }, () => 100), ...Array.from({ length: 80 }, () => 90 * KIB)];
      const { asked, pages } = await readEverything(sizes, kinds);
      expect(pages.flat()).toEqual(sizes.map((_, index) => index + 1));
      const charactersOf = (page: readonly number[]) => page.reduce((sum, n) => sum + (sizes[n - 1] ?? 0), 0);
      expect(Math.max(...pages.map(charactersOf))).toBeLessThan(2 * KIB * KIB + 90 * KIB);
      // It begins with care, goes faster, and asks for few once it has seen the large ones.
      expect(asked.slice(0, 2)).toEqual([64, 500]);
      expect(asked.at(-1)).toBeLessThan(30);
    },
  );

  it('reads no more than a few large events in one turn of the event loop', async () => {
    const { mostEventsOfATurn } = await readEverything(Array.from({ length: 40 }, () => 90 * KIB));
    // Two, and perhaps the last of the page before.
    expect(mostEventsOfATurn).toBeLessThanOrEqual(3);
  });

  it('reads an event that is larger than a page should be', async () => {
    const { pages } = await readEverything([3 * KIB * KIB, 3 * KIB * KIB, 10]);
    expect(pages).toEqual([[1], [2], [3]]);
  });

  it('asks for many again when events are small again', async () => {
    const sizes = [...Array.from({ length: 40 }, () => 90 * KIB), ...Array.from({ length: 1_200 }, () => 100)];
    const { asked } = await readEverything(sizes);
    expect(asked.at(-1)).toBe(500);
  });

  it.each([undefined, ['vm']])('refuses a position at which no event stands yet (kinds: %s)', async (streamKinds) => {
    const reader = new EventReader(holding([10, 10]).queries, tablesIn('spec'), (event) => event, new SeenHistory());
    const filter = streamKinds && { streamKinds };
    const beyond = { name: 'Rejected', rejection: { code: 'POSITION_BEYOND_HEAD', data: { newest: 2 } } };
    await expect(reader.page('3' as Position, filter, 500)).rejects.toMatchObject(beyond);
    expect(await reader.page('2' as Position, filter, 500)).toMatchObject({ events: [], next: '2', isEnd: true });
  });

  it('fails from the first answer on that is behind what it has seen, or has another event there', async () => {
    const lost = { name: 'Fault', code: 'STORE_TAIL_LOST' };
    const history = new SeenHistory();
    const readerOf = (sizes: readonly number[]) =>
      new EventReader(holding(sizes).queries, tablesIn('spec'), (event) => event, history);
    await readerOf([10, 10, 10]).page(START, undefined, 500);
    await expect(readerOf([10, 10]).page(START, undefined, 500)).rejects.toMatchObject(lost);
    // It is final for the process, whatever the store holds later.
    await expect(readerOf([10, 10, 10]).page(START, undefined, 500)).rejects.toMatchObject(lost);
    const seenOther = new SeenHistory();
    seenOther.compare(seenOther.newest, { sequence: 2, id: 'another' });
    const reader = new EventReader(holding([10, 10]).queries, tablesIn('spec'), (event) => event, seenOther);
    await expect(reader.page(START, { streamKinds: ['vm'] }, 500)).rejects.toMatchObject(lost);
  });
});
