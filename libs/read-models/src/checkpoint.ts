import {
  comparePositions,
  errors,
  kindOfStream,
  Rejected,
  type Fault,
  type Position,
  type StoredEvent,
} from '@drover/contracts';
import { OutdatedProjection } from './outdated-projection.js';
import { prepared, type NotShown, type Projection, type Sql } from './projection.port.js';
import { quoted, type ReadDatabase } from './read-database.client.js';

export interface Checkpoint {
  readonly position: Position;
  /** Events behind it that the projection was given. */
  readonly projected: number;
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

/** Which tables a projection writes: those of a PostgreSQL schema, and where it matters of that very build. */
export interface Target {
  readonly projection: Projection;
  readonly schema: string;
  readonly buildId?: string;
}

/** The model in use. */
export function modelInUse(projection: Projection): Target {
  return { projection, schema: projection.name };
}

export async function readCheckpoint(sql: Sql, schema: string): Promise<Checkpoint> {
  const [found] = await readCheckpoints(sql, [schema]);
  if (found === undefined) throw noCheckpoint(schema);
  return found;
}

/** In the order of the schemas. */
export async function readCheckpoints(sql: Sql, schemas: readonly string[]): Promise<readonly Checkpoint[]> {
  const selects = schemas.map(
    (schema, index) => `SELECT ${index} AS place, position, projected, build_id, writer_version,
       (SELECT count(*) FROM ${quoted(schema)}.not_shown) AS not_shown FROM ${quoted(schema)}.checkpoint`,
  );
  const rows = await sql.query<CheckpointRow>(prepared(`${selects.join(' UNION ALL ')} ORDER BY place`));
  return schemas.map((schema, place) => {
    const row = rows[place];
    if (row === undefined) throw noCheckpoint(schema);
    return {
      position: row.position as Position,
      projected: Number(row.projected),
      buildId: row.build_id,
      writerVersion: Number(row.writer_version),
      notShown: Number(row.not_shown),
    };
  });
}

interface CheckpointRow {
  readonly position: string;
  readonly projected: string;
  readonly build_id: string;
  readonly writer_version: string;
  readonly not_shown: string;
}

/** Says that code of these versions writes the models: from here on, older code does not. */
export async function claimModels(sql: Sql, projections: readonly Projection[]): Promise<readonly Checkpoint[]> {
  for (const { name, version } of projections) {
    const update = `UPDATE ${quoted(name)}.checkpoint SET writer_version = greatest(writer_version, $1)`;
    await sql.query(update, [version]);
  }
  const schemas = projections.map(({ name }) => name);
  return readCheckpoints(sql, schemas);
}

/**
 * Projects what of the batch lies behind each model's checkpoint and moves it to `upTo`, all in one transaction: exactly once, also
 * when several processes are given the same batch, or one is killed in between; and a reader who sees the batch in one of the models
 * sees it in all.
 *
 * The batch must hold every event between its begin and `upTo`, and begin at or before the checkpoints. Events of things that are
 * not shown any further are passed over.
 *
 * Throws `OutdatedProjection` where newer code has written a model or the batch holds what this code does not know, and
 * `SUPERSEDED` where a target's build is not the model's. Nothing is written then.
 */
export function projectBatch(
  database: ReadDatabase,
  targets: readonly Target[],
  batch: Batch,
): Promise<readonly Checkpoint[]> {
  return writing(database, targets, batch.upTo, async (sql, { projection, schema }, before) => {
    const events = batch.events.filter(
      (event) => comparePositions(event.position, before.position) > 0 && isGiven(projection, event),
    );
    const unknown = events.find((event) => projection.isUnknown(event));
    if (unknown !== undefined) throw OutdatedProjection.by(unknown);
    const shown = before.notShown === 0 ? events : await withoutMarked(sql, schema, events);
    if (shown.length > 0) await projection.apply(sql, shown);
    return { projected: events.length, notShown: 0 };
  });
}

/** Whether the event is of a kind that the projection is given. */
export function isGiven({ kinds }: Projection, { stream }: Pick<StoredEvent, 'stream'>): boolean {
  return kinds === undefined || kinds.includes(kindOfStream(stream));
}

/** A few of the things that the model does not show any further. */
export function someNotShown(sql: Sql, schema: string): Promise<NotShown[]> {
  return sql.query<NotShown>(
    `SELECT stream, since, type, reason FROM ${quoted(schema)}.not_shown ORDER BY stream LIMIT 5`,
  );
}

/** Moves the checkpoint past an event that cannot be projected, and marks its stream as not shown from there on. */
export function passOver(
  database: ReadDatabase,
  target: Target,
  event: StoredEvent,
  reason: string,
): Promise<readonly Checkpoint[]> {
  const { stream, type, position: since } = event;
  const mark = { stream, since, type, reason: reason.replace(/\p{C}/gu, ' ').slice(0, 500) };
  return writing(database, [target], since, async (sql, { projection, schema }) => {
    await sql.query(`INSERT INTO ${quoted(schema)}.not_shown (stream, since, type, reason) VALUES ($1, $2, $3, $4)`, [
      stream,
      since,
      type,
      mark.reason,
    ]);
    await projection.mark(sql, mark);
    return { projected: 1, notShown: 1 };
  });
}

type Done = Pick<Checkpoint, 'projected' | 'notShown'>;

/** The transaction of every write: the models as they are, what `write` does to each, and the checkpoints behind it. */
async function writing(
  database: ReadDatabase,
  targets: readonly Target[],
  upTo: Position,
  write: (sql: Sql, target: Target, before: Checkpoint) => Promise<Done>,
): Promise<readonly Checkpoint[]> {
  const schemas = targets.map(({ schema }) => schema);
  return database.exclusively(schemas, async (sql) => {
    const checkpoints = await readCheckpoints(sql, schemas);
    const moved: Moved[] = [];
    for (const [index, target] of targets.entries()) {
      const before = checkpoints[index];
      if (before === undefined) throw noCheckpoint(target.schema);
      checkWriter(target, before);
      const isBehind = comparePositions(upTo, before.position) > 0;
      moved.push({ target, before, done: isBehind ? await write(sql, target, before) : undefined });
    }
    await saveCheckpoints(sql, moved, upTo);
    return moved.map(({ target, before, done }) => (done === undefined ? before : after(target, before, done, upTo)));
  });
}

interface Moved {
  readonly target: Target;
  readonly before: Checkpoint;
  /** Undefined where the model held the batch already. */
  readonly done: Done | undefined;
}

function checkWriter({ projection, buildId }: Target, before: Checkpoint): void {
  if (buildId !== undefined && buildId !== before.buildId) throw superseded();
  if (before.writerVersion > projection.version) throw OutdatedProjection.after(before.writerVersion);
}

function after({ projection }: Target, before: Checkpoint, done: Done, position: Position): Checkpoint {
  return {
    ...before,
    position,
    projected: before.projected + done.projected,
    writerVersion: projection.version,
    notShown: before.notShown + done.notShown,
  };
}

/** In one statement, whatever their number. */
async function saveCheckpoints(sql: Sql, moved: readonly Moved[], upTo: Position): Promise<void> {
  const values: unknown[] = [upTo];
  const updates = moved.flatMap(({ target: { projection, schema }, done }) => {
    if (done === undefined) return [];
    const count = values.push(done.projected, projection.version);
    return [
      `UPDATE ${quoted(schema)}.checkpoint SET position = $1, projected = projected + $${count - 1}::bigint,
         writer_version = $${count}::bigint`,
    ];
  });
  const [last, ...others] = updates.reverse();
  if (last === undefined) return;
  const updated = others.map((update, index) => `other${index} AS (${update})`);
  await sql.query(prepared(`${updated.length === 0 ? '' : `WITH ${updated.join(', ')} `}${last}`), values);
}

async function withoutMarked(
  sql: Sql,
  schema: string,
  events: readonly StoredEvent[],
): Promise<readonly StoredEvent[]> {
  const rows = await sql.query<{ stream: string }>(
    `SELECT stream FROM ${quoted(schema)}.not_shown WHERE stream = ANY($1::text[])`,
    [[...new Set(events.map((event) => event.stream))]],
  );
  const marked = new Set(rows.map((row) => row.stream));
  return events.filter((event) => !marked.has(event.stream));
}

export function superseded(): Rejected {
  return new Rejected(errors.SUPERSEDED('another build of the read model has begun'));
}

function noCheckpoint(schema: string): Fault {
  return errors.INTERNAL('not-applied', `the read model ${schema} has no checkpoint`);
}
