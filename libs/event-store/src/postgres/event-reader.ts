import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Position, StoredEvent, Upcast } from '@drover/contracts';
import type pg from 'pg';
import type { EventFilter, ReadAllPage } from '../event-store.port.js';
import { fromSequence, toSequence } from '../sequence.codec.js';
import { StoreDefect, timestampToIso } from './database.client.js';
import type { Tables } from './schema.js';

const columns = 'position, stream, revision, id, type, schema_version, recorded_at, data, meta';

/** `columns` as PostgreSQL writes them, with what a query puts before them. */
type Row = readonly (string | null)[];

/** How many positions a filtered page looks through at most: some milliseconds of work, however rare the matches. */
const windowPositions = 20_000;

/** Characters of JSON read in one turn of the event loop, some milliseconds' worth. */
const largestTurnCharacters = 128 * 1024;

/** Characters of JSON after which a page ends, with one event at least, so that nobody folds more in one turn. */
const pageCharacters = 2 * 1024 * 1024;

/** Reads events by the right index, each call one query with one snapshot. Knows nothing of retries. */
export class EventReader {
  private readonly newest: string;
  private readonly time: string;
  private readonly unfilteredPage: string;
  private readonly pageOfTypes: string;
  private readonly pageOfKinds: string;
  private readonly ofStream: string;

  private readonly pool: pg.Pool;
  private readonly upcast: Upcast;
  /** Of the page before, which tells how many events to ask for; before the first, a guess on the safe side. */
  private charactersPerEvent = 32 * 1024;

  constructor(pool: pg.Pool, { events }: Tables, upcast: Upcast) {
    this.pool = pool;
    this.upcast = upcast;
    this.newest = `SELECT coalesce((SELECT position FROM ${events} ORDER BY position DESC LIMIT 1), 0) AS newest`;
    this.time = `SELECT floor(extract(epoch FROM greatest(clock_timestamp(),
      (SELECT recorded_at FROM ${events} ORDER BY position DESC LIMIT 1))) * 1000)::bigint`;
    this.ofStream = `SELECT ${columns} FROM ${events} WHERE stream = $1 AND revision >= $2 ORDER BY revision LIMIT $3`;
    this.unfilteredPage = `SELECT (${this.newest}), ${columns} FROM ${events} WHERE position > $1 ORDER BY position LIMIT $2`;
    const filtered = (matching: string) => `
      WITH head AS (${this.newest}), scanned AS (SELECT newest, least($1::bigint + ${windowPositions}, newest) AS up_to FROM head)
      SELECT newest, up_to, ${columns} FROM scanned LEFT JOIN LATERAL (${matching} ORDER BY position LIMIT $2) e ON true
      ORDER BY position`;
    this.pageOfTypes = filtered(
      `SELECT ${columns} FROM ${events} WHERE position > $1 AND position <= up_to AND type = ANY ($3::text[])`,
    );
    // A limited scan per kind, merged: none reads further than the page could need.
    this.pageOfKinds = filtered(
      `SELECT ofkind.* FROM unnest($4::text[]) AS wanted (name) CROSS JOIN LATERAL (
         SELECT ${columns} FROM ${events}
         WHERE kind = wanted.name AND position > $1 AND position <= up_to AND ($3::text[] IS NULL OR type = ANY ($3::text[]))
         ORDER BY position LIMIT $2) ofkind`,
    );
  }

  async head(): Promise<Position> {
    const [row] = await this.query('head', this.newest, []);
    return fromSequence(Number(row?.[0]));
  }

  async now(): Promise<number> {
    const [row] = await this.query('time', this.time, []);
    return Number(row?.[0]);
  }

  async stream(stream: string, fromRevision: number, limit: number | undefined): Promise<readonly StoredEvent[]> {
    return this.decode(await this.query('stream', this.ofStream, [stream, fromRevision, limit ?? null]), 0);
  }

  async page(after: Position, filter: EventFilter | undefined, wanted: number): Promise<ReadAllPage> {
    const from = toSequence(after);
    const limit = Math.min(wanted, Math.max(1, Math.floor(pageCharacters / this.charactersPerEvent)));
    if (filter?.streamKinds === undefined && filter?.types === undefined) return this.everything(after, from, limit);
    const types = filter.types ?? null;
    const rows =
      filter.streamKinds === undefined
        ? await this.query('page of types', this.pageOfTypes, [from, limit, types])
        : await this.query('page of kinds', this.pageOfKinds, [from, limit, types, [...new Set(filter.streamKinds)]]);
    const [newest, upTo] = (rows[0] ?? []).map(Number);
    // The one row without an event says that the window held none.
    const found = rows[0]?.[2] === null ? [] : rows;
    const events = await this.decode(this.cut(found, 2), 2);
    const isFull = events.length === limit || events.length < found.length;
    const last = events.at(-1)?.position;
    const next = isFull && last !== undefined ? toSequence(last) : Math.max(from, upTo ?? 0);
    return { events, next: fromSequence(next), isEnd: next >= (newest ?? 0) };
  }

  private async everything(after: Position, from: number, limit: number): Promise<ReadAllPage> {
    const rows = await this.query('page', this.unfilteredPage, [from, limit]);
    const events = await this.decode(this.cut(rows, 1), 1);
    const next = events.at(-1)?.position ?? after;
    return { events, next, isEnd: rows.length === 0 || toSequence(next) >= Number(rows[0]?.[0]) };
  }

  /** The rows that one page holds. What is beyond is read again with the next, which asks for no more than it can hold. */
  private cut(rows: readonly Row[], skip: number): readonly Row[] {
    let characters = 0;
    let count = 0;
    for (const row of rows) {
      if (characters < pageCharacters) count += 1;
      characters += lengthOf(row, skip);
    }
    if (rows.length > 0) this.charactersPerEvent = characters / rows.length;
    return count === rows.length ? rows : rows.slice(0, count);
  }

  private async query(name: string, text: string, values: unknown[]): Promise<readonly Row[]> {
    const client = await this.pool.connect();
    try {
      const { rows } = await client.query<(string | null)[]>({ name, text, values, rowMode: 'array' });
      client.release();
      return rows;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  private async decode(rows: readonly Row[], skip: number): Promise<readonly StoredEvent[]> {
    const events: StoredEvent[] = [];
    let charactersOfTurn = 0;
    let recordedAtText: string | undefined;
    let recordedAt = '';
    for (const row of rows) {
      const time = row[skip + 6] ?? '';
      if (time !== recordedAtText) {
        recordedAtText = time;
        recordedAt = timestampToIso(time);
      }
      events.push(this.toEvent(row, skip, recordedAt));
      charactersOfTurn += lengthOf(row, skip);
      if (charactersOfTurn > largestTurnCharacters) {
        charactersOfTurn = 0;
        await nextTurn();
      }
    }
    return events;
  }

  private toEvent(row: Row, skip: number, recordedAt: string): StoredEvent {
    const text = (column: number) => row[skip + column] ?? '';
    try {
      return this.upcast({
        id: text(3) as StoredEvent['id'],
        stream: text(1),
        revision: Number(text(2)),
        position: text(0) as Position,
        recordedAt,
        type: text(4),
        schemaVersion: Number(text(5)),
        data: JSON.parse(text(7)) as unknown,
        meta: JSON.parse(text(8)) as StoredEvent['meta'],
      });
    } catch (cause) {
      throw new StoreDefect(`${text(4)} version ${text(5)} at position ${text(0)}`, { cause });
    }
  }
}

/** Of an event's data and meta, as JSON. */
function lengthOf(row: Row, skip: number): number {
  return (row[skip + 7]?.length ?? 0) + (row[skip + 8]?.length ?? 0);
}
