import { comparePositions, Fault, type Position, type StoredEvent } from '@drover/contracts';
import type { Projection, SqlTransaction } from './projection.port.js';
import type { ReadDatabase } from './read-database.client.js';

export interface Checkpoint {
  readonly position: Position;
  /** Events behind it, the skipped ones among them. */
  readonly projected: number;
  readonly skipped: number;
  /** Made once per model: a rebuilt one has another. */
  readonly buildId: string;
}

export async function readCheckpoint(sql: SqlTransaction): Promise<Checkpoint> {
  const [row] = await sql.query<{ position: string; projected: string; skipped: string; build_id: string }>(
    'SELECT position, projected, skipped, build_id FROM checkpoint',
  );
  if (row === undefined) throw new Fault('INTERNAL', 'not-applied', 'the read model has no checkpoint');
  return {
    position: row.position as Position,
    projected: Number(row.projected),
    skipped: Number(row.skipped),
    buildId: row.build_id,
  };
}

/**
 * Projects what of the batch lies behind the checkpoint and moves it to `upTo`, in one transaction: exactly once, also
 * when several processes are given the same batch, or one is killed in between.
 *
 * The batch must hold every event between its begin and `upTo`, and begin at or before the checkpoint.
 *
 * @param buildId refuses another model than this one, for which `SUPERSEDED` is thrown.
 */
export async function projectBatch(
  database: ReadDatabase,
  projection: Projection,
  batch: { readonly events: readonly StoredEvent[]; readonly upTo: Position },
  target: { readonly schema: string; readonly buildId?: string },
): Promise<Checkpoint> {
  return database.exclusively(target.schema, async (sql) => {
    const before = await readCheckpoint(sql);
    if (target.buildId !== undefined && target.buildId !== before.buildId) {
      throw superseded();
    }
    if (comparePositions(batch.upTo, before.position) <= 0) return before;
    const events = batch.events.filter((event) => comparePositions(event.position, before.position) > 0);
    const { skipped } = events.length === 0 ? { skipped: 0 } : await projection.apply(sql, events);
    await sql.query('UPDATE checkpoint SET position = $1, projected = projected + $2, skipped = skipped + $3', [
      batch.upTo,
      events.length,
      skipped,
    ]);
    return {
      ...before,
      position: batch.upTo,
      projected: before.projected + events.length,
      skipped: before.skipped + skipped,
    };
  });
}

export function superseded(): Fault {
  return new Fault('SUPERSEDED', 'not-applied', 'another build of the read model has begun');
}
