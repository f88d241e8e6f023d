import { setImmediate as nextTurn } from 'node:timers/promises';
import type pg from 'pg';
import type { AppendResult, ExpectedRevision } from '../event-store.port.js';
import type { EncodedEvent } from '../new-event.codec.js';
import { fromSequence } from '../sequence.codec.js';
import { int4Array, jsonArray, textArray, uuidArray } from './binary-array.codec.js';
import {
  abandon,
  backoff,
  connectClient,
  isUnavailable,
  isUncertain,
  StoreDefect,
  unavailable,
} from './database.client.js';
import type { Tables } from './schema.js';

interface WaitingAppend {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: readonly EncodedEvent[];
  /** `performance.now()` after which the caller is told that the store cannot be reached. */
  readonly deadline: number;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
  /** An attempt ended without an answer, so these events may stand in the store. */
  isUncertain: boolean;
}

export interface AppendRunnerOptions {
  readonly connectionString: string;
  readonly tables: Tables;
  readonly appendTimeoutMs: number;
  /** Called after each commit with the newest position of this process. */
  readonly onCommitted: (newest: number) => void;
}

// Bound what one transaction holds the lock for and what is encoded in one turn of the event loop.
const largestGroupEvents = 2_000;
const largestGroupCharacters = 1024 * 1024;

/** Appends with group commit: whatever waits when a transaction ends goes into the next one together. */
export class AppendRunner {
  private readonly waiting: WaitingAppend[] = [];
  private client: pg.Client | undefined;
  private running: Promise<void> | undefined;
  private readonly options: AppendRunnerOptions;

  constructor(options: AppendRunnerOptions) {
    this.options = options;
  }

  append(stream: string, expected: ExpectedRevision, events: readonly EncodedEvent[]): Promise<AppendResult> {
    return new Promise((resolve, reject) => {
      const deadline = performance.now() + this.options.appendTimeoutMs;
      this.waiting.push({ stream, expected, events, deadline, resolve, reject, isUncertain: false });
      this.running ??= this.run();
    });
  }

  /** Resolves when every append is answered and the connection has ended. */
  async close(): Promise<void> {
    while (this.running !== undefined) await this.running;
    await this.client?.end();
  }

  private async run(): Promise<void> {
    for (;;) {
      // Callers that were just answered get the chance to send their next append with this group.
      await nextTurn();
      const count = groupLength(this.waiting);
      if (count === 0) {
        this.running = undefined;
        return;
      }
      await this.settle(this.waiting.splice(0, count));
    }
  }

  /** Answers every append of the group, and repeats those without answer: their event ids make that harmless. */
  private async settle(group: readonly WaitingAppend[]): Promise<void> {
    const pause = backoff();
    let left = group;
    while (left.length > 0) {
      let wasSent = false;
      try {
        const client = await this.connect();
        wasSent = true;
        return answer(left, await this.send(client, left));
      } catch (error) {
        this.disconnect();
        if (!isUnavailable(error)) return this.settleApart(left, error);
        if (wasSent && isUncertain(error)) for (const append of left) append.isUncertain = true;
        left = dropExpired(left, error);
        if (left.length > 0) await pause();
      }
    }
  }

  /** The database refuses something in the group; alone, everything else of it goes through. */
  private async settleApart(group: readonly WaitingAppend[], error: unknown): Promise<void> {
    const [only, ...others] = group;
    if (others.length === 0) return only?.reject(new Error(`append to ${only.stream} failed`, { cause: error }));
    for (const append of group) await this.settle([append]);
  }

  private async send(client: pg.Client, group: readonly WaitingAppend[]): Promise<GroupRow> {
    const earliestDeadline = Math.min(...group.map((append) => append.deadline));
    const query = {
      name: 'append',
      text: `SELECT outcomes, revisions, positions FROM ${this.options.tables.append}($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      values: encodeGroup(group),
      query_timeout: Math.max(earliestDeadline - performance.now(), 100),
    };
    const row = (await client.query<GroupRow>(query)).rows[0];
    if (row === undefined) throw new StoreDefect('the append function gave no row');
    const newest = Math.max(...numbers(row.positions));
    if (newest > 0) this.options.onCommitted(newest);
    return row;
  }

  private async connect(): Promise<pg.Client> {
    this.client ??= await connectClient(this.options.connectionString, (lost) => {
      if (this.client === lost) this.client = undefined;
    });
    return this.client;
  }

  private disconnect(): void {
    const client = this.client;
    this.client = undefined;
    if (client !== undefined) abandon(client);
  }
}

interface GroupRow {
  readonly outcomes: string;
  readonly revisions: string;
  readonly positions: string;
}

/** How many of the waiting appends go together. The same event twice in one transaction would be no repeat but a clash. */
function groupLength(waiting: readonly WaitingAppend[]): number {
  const ids = new Set<string>();
  let characters = 0;
  for (const [index, { events }] of waiting.entries()) {
    if (events.some(({ id }) => ids.has(id))) return index;
    for (const { id, data, meta } of events) {
      ids.add(id);
      characters += data.length + meta.length;
    }
    if (ids.size >= largestGroupEvents || characters >= largestGroupCharacters) return index + 1;
  }
  return waiting.length;
}

function encodeGroup(group: readonly WaitingAppend[]): Buffer[] {
  const places = new Map<string, number>();
  const placeOf = (stream: string) => {
    const place = places.get(stream) ?? places.size + 1;
    places.set(stream, place);
    return place;
  };
  const appendStreams = group.map(({ stream }) => placeOf(stream));
  const events = group.flatMap((append) => append.events);
  return [
    textArray([...places.keys()]),
    int4Array(appendStreams),
    int4Array(group.map(({ expected }) => (expected === 'any' ? -2 : expected === 'no-stream' ? -1 : expected))),
    int4Array(group.map((append) => append.events.length)),
    int4Array(group.flatMap((append, index) => append.events.map(() => index + 1))),
    int4Array(group.flatMap((append) => append.events.map((_, offset) => offset))),
    uuidArray(events.map((event) => event.id)),
    textArray(events.map((event) => event.type)),
    int4Array(events.map((event) => event.schemaVersion)),
    jsonArray(events.map((event) => event.data)),
    jsonArray(events.map((event) => event.meta)),
  ];
}

function answer(group: readonly WaitingAppend[], row: GroupRow): void {
  const [outcomes, revisions, positions] = [row.outcomes, row.revisions, row.positions].map(numbers);
  for (const [index, append] of group.entries()) {
    const outcome = outcomes?.[index];
    const revision = revisions?.[index] ?? -1;
    if (outcome === 0) append.resolve({ kind: 'conflict', actualRevision: revision });
    else if (outcome === 1 || outcome === 2) {
      const position = fromSequence(positions?.[index] ?? 0);
      append.resolve({ kind: 'appended', revision, position, wasRepeat: outcome === 2 });
    } else {
      append.reject(
        new Error(
          `some events of this append to ${append.stream} are stored already, others are not or stand elsewhere`,
        ),
      );
    }
  }
}

function dropExpired(group: readonly WaitingAppend[], cause: unknown): readonly WaitingAppend[] {
  const now = performance.now();
  for (const append of group) {
    if (append.deadline > now) continue;
    const outcome = append.isUncertain ? 'unknown' : 'not-applied';
    append.reject(unavailable(outcome, `append to ${append.stream}`, cause));
  }
  return group.filter((append) => append.deadline > now);
}

/** `{1,2,3}` as PostgreSQL writes arrays of integers. */
function numbers(text: string): number[] {
  return text.slice(1, -1).split(',').map(Number);
}
