import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Position, StoredEvent, Upcast } from '@drover/contracts';
import type { EventFilter, ReadAllPage } from '../event-store.port.js';
import type { Newest, SeenHistory } from '../seen-history.state.js';
import { checkWithinHead, fromSequence, toSequence } from '../sequence.codec.js';
import { StoreDefect, timestampToIso, type Queries } from './database.client.js';
import type { Tables } from './schema.js';

const columns = 'position, stream, revision, id, type, schema_version, recorded_at, data, meta';

/** What the first row of a page tells of the store: its newest event, and how far the page has looked. */
const columnsOfHead = (position: string, upTo: string, id: string) =>
  `${position} AS position, ${upTo} AS stream, NULL::integer AS revision, ${id} AS id, NULL::text AS type,
   NULL::integer AS schema_version, NULL::timestamptz AS recorded_at, NULL::json AS data, NULL::json AS meta`;

/** `columns` as PostgreSQL writes them. */
type Row = readonly (string | null)[];

/** A page, and how large the data and meta of each of its events are, in characters of JSON. */
export interface MeasuredPage extends ReadAllPage {
  readonly characters: readonly number[];
}

/** How many positions a filtered page looks through at most: some milliseconds of work, however rare the matches. */
const windowPositions = 20_000;

/** Characters of JSON read in one turn of the event loop, some milliseconds' worth. */
const largestTurnCharacters = 128 * 1024;

/** Characters of JSON after which a page ends, with one event at least, so that no reader folds more in one turn. */
const pageCharacters = 2 * 1024 * 1024;

/**
 * Reads events by the right index, each call one query with one snapshot. Looks at the newest event with each, and throws
 * `STORE_TAIL_LOST` where the store has fallen behind what was seen. Knows nothing of retries.
 */
export class EventReader {
  private readonly newest: string;
  private readonly time: string;
  private readonly unfilteredPage: string;
  private readonly pageOfTypes: string;
  private readonly pageOfKinds: string;
  private readonly ofStream: string;

  private readonly queries: Queries;
  private readonly upcast: Upcast;
  private readonly history: SeenHistory;
  /** Of the page before, which tells how many events to ask for; before the first, a guess on the safe side. */
  private charactersPerEvent = 32 * 1024;

  constructor(queries: Queries, { events }: Tables, upcast: Upcast, history: SeenHistory) {
    this.queries = queries;
    this.upcast = upcast;
    this.history = history;
    this.newest = newestEventOf(events);
    this.time = `SELECT floor(extract(epoch FROM greatest(clock_timestamp(),
      (SELECT recorded_at FROM ${events} ORDER BY position DESC LIMIT 1))) * 1000)::bigint`;
    this.ofStream = `SELECT ${columns} FROM ${events} WHERE stream = $1 AND revision >= $2 ORDER BY revision LIMIT $3`;
    this.unfilteredPage = `
      (SELECT ${columnsOfHead('position', 'NULL::text', 'id')} FROM (${this.newest}) newest)
      UNION ALL (SELECT ${columns} FROM ${events} WHERE position > $1 ORDER BY position LIMIT $2)`;
    const filtered = (matching: string) => `
      WITH scanned AS (
        SELECT position AS newest, id AS newest_id, least($1::bigint + ${windowPositions}, position) AS up_to
        FROM (${this.newest}) newest)
      (SELECT ${columnsOfHead('newest', 'up_to::text', 'newest_id')} FROM scanned)
      UNION ALL (
        SELECT ${columns} FROM scanned CROSS JOIN LATERAL (${matching} ORDER BY position LIMIT $2) e ORDER BY position)`;
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
    const known = this.history.newest;
    const [row] = await this.query('head', this.newest, []);
    const newest = row === undefined ? noEvent : { sequence: Number(row[0]), id: row[1] ?? '' };
    this.history.compare(known, newest);
    return fromSequence(newest.sequence);
  }

  async now(): Promise<number> {
    const [row] = await this.query('time', this.time, []);
    return Number(row?.[0]);
  }

  async stream(stream: string, fromRevision: number, limit: number | undefined): Promise<readonly StoredEvent[]> {
    return this.decode(await this.query('stream', this.ofStream, [stream, fromRevision, limit ?? null]));
  }

  /** Throws `Rejected` where no event stands at `after`. */
  async page(after: Position, filter: EventFilter | undefined, wanted: number): Promise<MeasuredPage> {
    const from = toSequence(after);
    const limit = Math.min(wanted, Math.max(1, Math.floor(pageCharacters / this.charactersPerEvent)));
    const known = this.history.newest;
    const [head, ...found] = await this.rowsOfPage(from, limit, filter);
    const newest = head === undefined ? noEvent : { sequence: Number(head[0]), id: head[3] ?? '' };
    this.history.compare(known, newest);
    checkWithinHead(from, newest.sequence);
    const rows = this.cut(found);
    const events = await this.decode(rows);
    const isFull = events.length === limit || events.length < found.length;
    const last = events.at(-1)?.position;
    const looked = Number(head?.[1] ?? newest.sequence);
    const next = isFull && last !== undefined ? toSequence(last) : Math.max(from, looked);
    return { events, next: fromSequence(next), isEnd: next >= newest.sequence, characters: rows.map(lengthOf) };
  }

  private rowsOfPage(from: number, limit: number, filter: EventFilter | undefined): Promise<readonly Row[]> {
    const types = filter?.types ?? null;
    if (filter?.streamKinds !== undefined) {
      return this.query('page of kinds', this.pageOfKinds, [from, limit, types, [...new Set(filter.streamKinds)]]);
    }
    if (types !== null) return this.query('page of types', this.pageOfTypes, [from, limit, types]);
    return this.query('page', this.unfilteredPage, [from, limit]);
  }

  /** The rows that one page holds. What is beyond is read again with the next, which asks for no more than it can hold. */
  private cut(rows: readonly Row[]): readonly Row[] {
    let characters = 0;
    let count = 0;
    for (const row of rows) {
      if (characters < pageCharacters) count += 1;
      characters += lengthOf(row);
    }
    if (rows.length > 0) this.charactersPerEvent = characters / rows.length;
    return count === rows.length ? rows : rows.slice(0, count);
  }

  private query(name: string, text: string, values: unknown[]): Promise<readonly Row[]> {
    this.history.assertWhole();
    return this.queries.queryRows({ name, text, values });
  }

  private async decode(rows: readonly Row[]): Promise<readonly StoredEvent[]> {
    const events: StoredEvent[] = [];
    let charactersOfTurn = 0;
    let recordedAtText: string | undefined;
    let recordedAt = '';
    for (const row of rows) {
      const time = row[6] ?? '';
      if (time !== recordedAtText) {
        recordedAtText = time;
        recordedAt = timestampToIso(time);
      }
      events.push(this.toEvent(row, recordedAt));
      charactersOfTurn += lengthOf(row);
      if (charactersOfTurn > largestTurnCharacters) {
        charactersOfTurn = 0;
        await nextTurn();
      }
    }
    return events;
  }

  private toEvent(row: Row, recordedAt: string): StoredEvent {
    const text = (column: number) => row[column] ?? '';
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

/** Position and id of the newest event; no row where there is none. */
export function newestEventOf(events: string): string {
  return `SELECT position, id FROM ${events} ORDER BY position DESC LIMIT 1`;
}

const noEvent: Newest = { sequence: 0, id: '' };

/** Of an event's data and meta, as JSON. */
function lengthOf(row: Row): number {
  return (row[7]?.length ?? 0) + (row[8]?.length ?? 0);
}
