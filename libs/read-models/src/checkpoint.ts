import { comparePositions, Fault, type Position, type StoredEvent } from '@drover/contracts';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import { OutdatedProjection } from './outdated-projection.js';
import type { NotShown, Projection, SqlTransaction } from './projection.port.js';
import type { ReadDatabase } from './read-database.client.js';

export interface Checkpoint {
  readonly position: Position;
  /** Events behind it, the skipped ones among them. */
  readonly projected: number;
  readonly skipped: number;
  /** Made once per model: a rebuilt one has another. */
  readonly buildId: string;
  /** The newest code that has written the model. */
  readonly writerVersion: number;
  /** Things that are not shown any further. */
  readonly notShown: number;
}

export interface Batch {
  readonly events: readonly StoredEvent[];
  readonly upTo: Position;
}

/** Which model is written: the PostgreSQL schema, and where it matters the very build. */
export interface Target {
  readonly schema: string;
  readonly buildId?: string;
}

export async function readCheckpoint(sql: SqlTransaction): Promise<Checkpoint> {
  const [row] = await sql.query<CheckpointRow>(
    `SELECT position, projected, skipped, build_id, writer_version, (SELECT count(*) FROM not_shown) AS not_shown FROM checkpoint`,
  );
  if (row === undefined) throw new Fault('INTERNAL', 'not-applied', 'the read model has no checkpoint');
  return {
    position: row.position as Position,
    projected: Number(row.projected),
    skipped: Number(row.skipped),
    buildId: row.build_id,
    writerVersion: Number(row.writer_version),
    notShown: Number(row.not_shown),
  };
}

interface CheckpointRow {
  readonly position: string;
  readonly projected: string;
  readonly skipped: string;
  readonly build_id: string;
  readonly writer_version: string;
  readonly not_shown: string;
}

/** Says that code of this version writes the model: from here on, older code does not. */
export async function claimModel(sql: SqlTransaction, version: number): Promise<Checkpoint> {
  await sql.query('UPDATE checkpoint SET writer_version = greatest(writer_version, $1)', [version]);
  return readCheckpoint(sql);
}

/**
 * Projects what of the batch lies behind the checkpoint and moves it to `upTo`, in one transaction: exactly once, also
 * when several processes are given the same batch, or one is killed in between.
 *
 * The batch must hold every event between its begin and `upTo`, and begin at or before the checkpoint. Events of things that are
 * not shown any further are passed over.
 *
 * Throws `OutdatedProjection` where newer code has written the model or the batch holds what this code does not know, and
 * `SUPERSEDED` where the target's build is not the model's.
 */
export function projectBatch(
  database: ReadDatabase,
  projection: Projection,
  batch: Batch,
  target: Target,
): Promise<Checkpoint> {
  return writing(database, projection, target, batch.upTo, async (sql, before) => {
    const events = batch.events.filter((event) => comparePositions(event.position, before.position) > 0);
    const unknown = events.find((event) => projection.isUnknown(event));
    if (unknown !== undefined) throw OutdatedProjection.by(unknown);
    const shown = before.notShown === 0 ? events : await withoutMarked(sql, events);
    const { skipped } = shown.length === 0 ? { skipped: 0 } : await projection.apply(sql, shown);
    return { projected: events.length, skipped, notShown: 0 };
  });
}

/** A few of the things that are not shown any further. */
export function someNotShown(em: Pick<SqlEntityManager, 'execute'>): Promise<NotShown[]> {
  return em.execute<NotShown[]>('SELECT stream, since, type, reason FROM not_shown ORDER BY stream LIMIT 5');
}

/** Moves the checkpoint past an event that cannot be projected, and marks its stream as not shown from there on. */
export function passOver(
  database: ReadDatabase,
  projection: Projection,
  event: StoredEvent,
  reason: string,
  target: Target,
): Promise<Checkpoint> {
  const { stream, type, position: since } = event;
  const mark = { stream, since, type, reason: reason.replace(/\p{C}/gu, ' ').slice(0, 500) };
  return writing(database, projection, target, since, async (sql) => {
    await sql.query('INSERT INTO not_shown (stream, since, type, reason) VALUES ($1, $2, $3, $4)', [
      stream,
      since,
      type,
      mark.reason,
    ]);
    await projection.mark(sql, mark);
    return { projected: 1, skipped: 0, notShown: 1 };
  });
}

/** The transaction of every write: the model as it is, what `write` does to it, and the checkpoint behind it. */
async function writing(
  database: ReadDatabase,
  projection: Projection,
  { schema, buildId }: Target,
  upTo: Position,
  write: (
    sql: SqlTransaction,
    before: Checkpoint,
  ) => Promise<{ readonly projected: number; readonly skipped: number; readonly notShown: number }>,
): Promise<Checkpoint> {
  return database.exclusively(schema, async (sql) => {
    const before = await readCheckpoint(sql);
    if (buildId !== undefined && buildId !== before.buildId) throw superseded();
    if (before.writerVersion > projection.version) throw OutdatedProjection.after(before.writerVersion);
    if (comparePositions(upTo, before.position) <= 0) return before;
    const done = await write(sql, before);
    await sql.query(
      'UPDATE checkpoint SET position = $1, projected = projected + $2, skipped = skipped + $3, writer_version = $4',
      [upTo, done.projected, done.skipped, projection.version],
    );
    return {
      ...before,
      position: upTo,
      projected: before.projected + done.projected,
      skipped: before.skipped + done.skipped,
      writerVersion: projection.version,
      notShown: before.notShown + done.notShown,
    };
  });
}

async function withoutMarked(sql: SqlTransaction, events: readonly StoredEvent[]): Promise<readonly StoredEvent[]> {
  const rows = await sql.query<{ stream: string }>('SELECT stream FROM not_shown WHERE stream = ANY($1::text[])', [
    [...new Set(events.map((event) => event.stream))],
  ]);
  const marked = new Set(rows.map((row) => row.stream));
  return events.filter((event) => !marked.has(event.stream));
}

export function superseded(): Fault {
  return new Fault('SUPERSEDED', 'not-applied', 'another build of the read model has begun');
}
