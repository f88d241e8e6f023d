import { describe, expect, it } from '@jest/globals';
import { START, type StoredEvent } from '@drover/contracts';
import type pg from 'pg';
import { toSequence } from '../sequence.codec.js';
import { EventReader } from './event-reader.js';
import { tablesIn } from './schema.js';

const KIB = 1024;
const meta = JSON.stringify({ at: '2025-01-31T12:00:00.000Z', actor: { kind: 'service', id: 'spec' } });

/** A database that holds events whose data are of these sizes, and answers the queries for pages as PostgreSQL would. */
function holding(sizes: readonly number[]) {
  const asked: number[] = [];
  const query = async ({ name, values }: { name: string; values: readonly number[] }) => {
    const [from = 0, limit = 0] = values;
    asked.push(limit);
    const head = name === 'page of kinds' ? [String(sizes.length), String(sizes.length)] : [String(sizes.length)];
    const rows = sizes.slice(from, from + limit).map((size, index) => {
      const position = String(from + index + 1);
      const data = JSON.stringify('x'.repeat(size));
      return [
        ...head,
        position,
        `vm-${position}`,
        '0',
        position,
        'VmStarted',
        '1',
        '2025-01-31 12:00:00+00',
        data,
        meta,
      ];
    });
    return { rows };
  };
  const pool = { connect: async () => ({ query, release: () => undefined }) } as unknown as pg.Pool;
  return { pool, asked };
}

async function readEverything(sizes: readonly number[], streamKinds?: readonly string[]) {
  const { pool, asked } = holding(sizes);
  const pages: number[][] = [];
  const eventsOfTurns = [0];
  const reader = new EventReader(pool, tablesIn('spec'), (event: StoredEvent) => {
    eventsOfTurns[eventsOfTurns.length - 1] = (eventsOfTurns.at(-1) ?? 0) + 1;
    return event;
  });
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
});
