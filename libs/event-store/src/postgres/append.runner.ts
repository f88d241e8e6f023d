import { setImmediate as nextTurn } from 'node:timers/promises';
import { Fault } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import pg from 'pg';
import type { AppendResult, ExpectedRevision } from '../event-store.port.js';
import type { EncodedEvent } from '../new-event.codec.js';
import type { SeenHistory } from '../seen-history.state.js';
import { fromSequence } from '../sequence.codec.js';
import { decodeGroup, encodeGroup, type GroupRow, type Settled } from './append-group.codec.js';
import { AppendQueue, type WaitingAppend } from './append-queue.js';
import { backoff, isUnavailable, isUncertain, overConnection, StoreDefect, unavailable } from './database.client.js';
import type { Tables } from './schema.js';

/** A connection, as far as appends need one. */
export interface AppendConnection {
  query<Row extends pg.QueryResultRow>(
    query: pg.QueryConfig & { readonly query_timeout: number },
  ): Promise<{ readonly rows: readonly Row[] }>;
  end(): Promise<void>;
}

export interface AppendRunnerOptions {
  /** `onLost` is called when the connection has gone, perhaps repeatedly. */
  readonly connect: (onLost: (lost: AppendConnection) => void) => Promise<AppendConnection>;
  readonly tables: Tables;
  readonly clock: Clock;
  readonly history: SeenHistory;
  /** An append is made within this time of its call, or not at all. */
  readonly appendTimeoutMs: number;
  /** Called after each commit with the newest position of this process. */
  readonly onCommitted: (newest: number) => void;
}

/** Appends with group commit: whatever waits when a transaction ends goes into the next one together. */
export class AppendRunner {
  private readonly queue = new AppendQueue();
  private client: AppendConnection | undefined;
  private running: Promise<void> | undefined;
  private readonly options: AppendRunnerOptions;

  constructor(options: AppendRunnerOptions) {
    this.options = options;
  }

  append(stream: string, expected: ExpectedRevision, events: readonly EncodedEvent[]): Promise<AppendResult> {
    return new Promise((resolve, reject) => {
      const deadlineMs = this.options.clock.monotonicMs() + this.options.appendTimeoutMs;
      this.queue.push({ stream, expected, events, deadlineMs, resolve, reject, isUncertain: false });
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
      const group = this.queue.take();
      if (group.length === 0) {
        this.running = undefined;
        return;
      }
      await this.settle(group);
    }
  }

  /** Answers every append of the group, and repeats those without answer: their event ids make that harmless. */
  private async settle(group: readonly WaitingAppend[]): Promise<void> {
    const pause = backoff();
    let cause: unknown = new Error('it waited for others');
    let left = this.withoutExpired(group, cause);
    while (left.length > 0) {
      let wasSent = false;
      try {
        const client = await this.connect();
        left = this.withoutExpired(left, cause);
        if (left.length === 0) return;
        wasSent = true;
        const settled = await this.send(client, left);
        if (settled !== undefined) return this.answer(settled);
        cause = new Error('the lock of the event store was held by others');
      } catch (error) {
        if (isRefusal(error)) return this.settleApart(left, error);
        this.disconnect();
        if (error instanceof Fault) return rejectAll(left, error, wasSent);
        if (!isUnavailable(error)) return this.settleApart(left, error);
        if (wasSent && isUncertain(error)) for (const append of left) append.isUncertain = true;
        cause = error;
      }
      left = this.withoutExpired(left, cause);
      if (left.length > 0) await pause();
    }
  }

  /** Something in the group is refused: half by half everything else of it goes through. */
  private async settleApart(group: readonly WaitingAppend[], error: unknown): Promise<void> {
    const [only, ...others] = group;
    if (only === undefined) return;
    if (others.length === 0) {
      this.queue.refused(only.stream);
      only.reject(new Error(`append to ${only.stream} failed`, { cause: error }));
      return;
    }
    const half = Math.ceil(group.length / 2);
    await this.settle(group.slice(0, half));
    await this.settle(group.slice(half));
  }

  private async send(
    client: AppendConnection,
    group: readonly WaitingAppend[],
  ): Promise<readonly Settled[] | undefined> {
    const { tables, clock, history, onCommitted } = this.options;
    const known = history.newest;
    const leftMs = Math.min(...group.map((append) => append.deadlineMs)) - clock.monotonicMs();
    const query = {
      name: 'append',
      text: `SELECT outcomes, revisions, positions FROM ${tables.append}($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
      values: [Math.ceil(leftMs), ...encodeGroup(group)],
      query_timeout: Math.max(1, Math.ceil(leftMs)),
    };
    const { rows } = await overConnection(() => client.query<GroupRow & pg.QueryResultRow>(query));
    if (rows[0] === undefined) throw new StoreDefect('the append function gave no row');
    const settled = decodeGroup(group, rows[0]);
    const last = settled?.findLast(({ outcome }) => outcome === 1);
    if (last !== undefined) {
      history.appended(known, { sequence: last.position, id: last.append.events.at(-1)?.id ?? '' });
    }
    const newest = Math.max(...(settled ?? []).map(({ position }) => position));
    if (newest > 0) onCommitted(newest);
    return settled;
  }

  private answer(settled: readonly Settled[]): void {
    for (const one of settled) {
      if (one.outcome <= 2) this.queue.wentThrough(one.append.stream);
      answerOne(one);
    }
  }

  private async connect(): Promise<AppendConnection> {
    this.options.history.assertWhole();
    this.client ??= await this.options.connect((lost) => {
      if (this.client === lost) this.client = undefined;
    });
    return this.client;
  }

  private disconnect(): void {
    // How the end of a connection goes of which nothing more is expected is of no interest.
    this.client?.end().catch(() => undefined);
    this.client = undefined;
  }

  /** An append whose time has passed is never sent, because its caller no longer counts on it; the caller gets the error. */
  private withoutExpired(group: readonly WaitingAppend[], cause: unknown): readonly WaitingAppend[] {
    const nowMs = this.options.clock.monotonicMs();
    const expired = group.filter((append) => append.deadlineMs <= nowMs);
    if (expired.length === 0) return group;
    for (const append of expired) {
      append.reject(unavailable(append.isUncertain ? 'unknown' : 'not-applied', `append to ${append.stream}`, cause));
    }
    return group.filter((append) => append.deadlineMs > nowMs);
  }
}

/** The server has read the statement and will not carry it out; the connection is as good as before. */
function isRefusal(error: unknown): boolean {
  return error instanceof pg.DatabaseError && !isUnavailable(error);
}

function rejectAll(group: readonly WaitingAppend[], fault: Fault, wasSent: boolean): void {
  for (const append of group) {
    const outcome = wasSent || append.isUncertain ? 'unknown' : fault.outcome;
    const detail = `append to ${append.stream}: ${fault.detail}`;
    append.reject(new Fault(fault.code, outcome, detail, { cause: fault, data: fault.data }));
  }
}

function answerOne({ append, outcome, revision, position }: Settled): void {
  const { stream } = append;
  if (outcome === 0) append.resolve({ kind: 'conflict', actualRevision: revision });
  else if (outcome === 1 || outcome === 2) {
    append.resolve({ kind: 'appended', revision, position: fromSequence(position), wasRepeat: outcome === 2 });
  } else if (outcome === 4) append.reject(new Error(`append to ${stream}: this database role does not write its kind`));
  else {
    append.reject(
      new Error(`some events of this append to ${stream} are stored already, others are not or stand elsewhere`),
    );
  }
}
