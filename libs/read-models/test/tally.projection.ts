import { START, type EventId, type NewEvent } from '@drover/contracts';
import { newId } from '@drover/domain-kit';
import type { EventStore } from '@drover/event-store';
import type { Projection, ReadDatabase } from '../src/index.js';

export interface TallyOptions {
  /** Of the model, and of its table. */
  readonly name?: string;
  readonly kinds?: readonly string[];
  readonly version?: number;
  readonly unknownType?: string;
  /** The fold throws on it. */
  readonly poisonType?: string;
  /** PostgreSQL refuses a value of it. */
  readonly refusedType?: string;
}

/** Counts the events of each stream; adding the same one twice, or leaving one out, shows. */
export function tallyProjection(options: TallyOptions = {}): Projection {
  const { name = 'tally', kinds, version = 1 } = options;
  return {
    name,
    version,
    ...(kinds === undefined ? {} : { kinds }),
    isUnknown: (event) => event.type === options.unknownType,
    async mark(sql, { stream, reason }) {
      await sql.query(`UPDATE ${name} SET newest = $2 WHERE stream = $1`, [stream, `not shown: ${reason}`]);
    },
    tables: [
      {
        name: '0001-tally',
        statements: [`CREATE TABLE ${name} (stream text PRIMARY KEY, events bigint NOT NULL, newest text NOT NULL)`],
      },
    ],
    async apply(sql, events) {
      if (events.some((event) => event.type === options.poisonType)) throw new Error('no fold for this event');
      if (events.some((event) => event.type === options.refusedType)) await sql.query(`SELECT 'x'::text::integer`);
      await sql.query(
        `INSERT INTO ${name} (stream, events, newest)
         SELECT stream, count(*), (array_agg(newest ORDER BY place DESC))[1]
         FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS row (stream, newest, place) GROUP BY stream
         ON CONFLICT (stream) DO UPDATE SET events = ${name}.events + excluded.events, newest = excluded.newest`,
        [events.map((event) => event.stream), events.map((event) => event.type)],
      );
    },
  };
}

export interface Tally {
  readonly stream: string;
  readonly events: string;
  readonly newest: string;
}

export async function tallies(database: ReadDatabase, name = 'tally'): Promise<Tally[]> {
  return database.exclusively('reader', (sql) => sql.query<Tally>(`SELECT * FROM ${name} ORDER BY stream`), name);
}

export function newEvent(type = 'Something'): NewEvent {
  const at = new Date(0).toISOString();
  return {
    id: newId(Date.now()) as EventId,
    type,
    schemaVersion: 1,
    data: {},
    meta: { at, actor: { kind: 'service', id: 'spec' } },
  };
}

/** The same count, made in memory from the whole store. */
export async function expectedTallies(store: EventStore, kinds?: readonly string[]): Promise<Tally[]> {
  const found = new Map<string, Tally>();
  for (let after = START, isEnd = false; !isEnd;) {
    const filter = kinds === undefined ? {} : { streamKinds: kinds };
    const page = await store.readAll(after, { limit: 100, filter });
    for (const { stream, type } of page.events) {
      found.set(stream, { stream, events: String(Number(found.get(stream)?.events ?? 0) + 1), newest: type });
    }
    after = page.next;
    isEnd = page.isEnd;
  }
  return [...found.values()].sort((a, b) => (a.stream < b.stream ? -1 : 1));
}
