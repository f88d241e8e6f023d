import { setImmediate as nextTurn } from 'node:timers/promises';
import { Rejected, errors, comparePositions, positionSchema, START, type Position } from '@drover/contracts';
import type { FoldChanges, FoldOwner, FoldRow, FoldSnapshots } from '../fold-snapshots.port.js';

import { toSequence } from '../sequence.codec.js';
import { isUnavailable, unavailable, untilAnswered, type Queries, type QueryPool } from './database.client.js';
import type { Tables } from './schema.js';

interface SnapshotRow {
  readonly position: string;
  readonly event_id: string | null;
}

interface Snapshot {
  readonly position: Position;
  /** Of the event at the position when it was saved; null at the start of the store. */
  readonly eventId: string | null;
}

interface Whole {
  readonly position: Position;
  readonly pages: readonly (readonly FoldRow[])[];
}

interface StateRow {
  readonly kind: string;
  readonly id: string;
  readonly revision: string;
  readonly position: string;
  readonly first_position: string;
  readonly state: string;
}

type Db = Pick<Queries, 'query'>;

/** Some milliseconds of parsing each. */
const ROWS_PER_PAGE = 200;

export function postgresFoldSnapshots(pool: QueryPool, tables: Tables, patienceMs: number): FoldSnapshots {
  const { events, foldSnapshots, foldStates } = tables;

  async function find(db: Db, { service, version }: FoldOwner): Promise<Snapshot | undefined> {
    const { rows } = await db.query<SnapshotRow>(
      `SELECT position, event_id FROM ${foldSnapshots} WHERE service = $1 AND version = $2`,
      [service, version],
    );
    const [row] = rows;
    return row && { position: positionSchema.parse(row.position), eventId: row.event_id };
  }

  /** None at the start of the store, and where no event stands there. */
  async function eventIdAt(db: Db, position: Position): Promise<string | null> {
    const { rows } = await db.query<{ id: string }>(`SELECT id FROM ${events} WHERE position = $1`, [
      toSequence(position),
    ]);
    return rows[0]?.id ?? null;
  }

  async function isOfThisHistory(db: Db, { position, eventId }: Snapshot): Promise<boolean> {
    return (await eventIdAt(db, position)) === eventId && (position === START || eventId !== null);
  }

  /** Looks once more behind the lock: a replica may have saved one of this history meanwhile. */
  async function removeForeign(client: Db, owner: FoldOwner): Promise<void> {
    await lock(client, owner);
    const found = await find(client, owner);
    if (found !== undefined && !(await isOfThisHistory(client, found))) await remove(client, owner);
  }

  async function lock(client: Db, { service }: FoldOwner): Promise<void> {
    const name = `drover folds ${foldStates} ${service}`;
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [name]);
  }

  async function remove(client: Db, { service, version }: FoldOwner): Promise<void> {
    for (const table of [foldSnapshots, foldStates]) {
      await client.query(`DELETE FROM ${table} WHERE service = $1 AND version = $2`, [service, version]);
    }
  }

  async function page(db: Db, { service, version }: FoldOwner, after: Pick<FoldRow, 'kind' | 'id'>) {
    const { rows } = await db.query<StateRow>(
      `SELECT kind, id, revision, position, first_position, state FROM ${foldStates}
       WHERE service = $1 AND version = $2 AND (kind, id) > ($3, $4) ORDER BY kind, id LIMIT ${ROWS_PER_PAGE}`,
      [service, version, after.kind, after.id],
    );
    return rows.map(foldRowOf);
  }

  /** As it stands at one moment: another replica may save or remove between two pages, and half the rows are no snapshot. */
  async function readWhole(client: Db, owner: FoldOwner): Promise<Whole | 'none' | 'foreign'> {
    await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const found = await find(client, owner);
    if (found === undefined) return 'none';
    if (!(await isOfThisHistory(client, found))) return 'foreign';
    const pages: FoldRow[][] = [];
    for (let after = { kind: '', id: '' }; ;) {
      const rows = await page(client, owner, after);
      pages.push(rows);
      const last = rows.at(-1);
      if (last === undefined || rows.length < ROWS_PER_PAGE) return { position: found.position, pages };
      after = last;
    }
  }

  async function write(client: Db, { service, version }: FoldOwner, { kept, gone }: FoldChanges) {
    if (kept.length > 0) {
      await client.query(
        `INSERT INTO ${foldStates} (service, version, kind, id, revision, position, first_position, state)
         SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::integer[], $6::text[], $7::text[], $8::json[])
         ON CONFLICT (service, version, kind, id) DO UPDATE SET revision = excluded.revision, position = excluded.position,
           first_position = excluded.first_position, state = excluded.state`,
        [
          service,
          version,
          kept.map(({ kind }) => kind),
          kept.map(({ id }) => id),
          kept.map(({ revision }) => revision),
          kept.map(({ position }) => position),
          kept.map(({ firstPosition }) => firstPosition),
          kept.map(({ state }) => JSON.stringify(state)),
        ],
      );
    }
    if (gone.length > 0) {
      await client.query(
        `DELETE FROM ${foldStates} WHERE service = $1 AND version = $2
         AND (kind, id) IN (SELECT * FROM unnest($3::text[], $4::text[]))`,
        [service, version, gone.map(({ kind }) => kind), gone.map(({ id }) => id)],
      );
    }
  }

  /** The snapshot that was begun last is the newest: a release that has gone leaves its own behind once. */
  async function removeOldVersions(client: Db, service: string) {
    const { rows } = await client.query<{ version: string }>(
      `DELETE FROM ${foldSnapshots} WHERE service = $1 AND version NOT IN
       (SELECT version FROM ${foldSnapshots} WHERE service = $1 ORDER BY begun_at DESC, version LIMIT 2) RETURNING version`,
      [service],
    );
    for (const { version } of rows) await remove(client, { service, version });
  }

  async function saveOn(client: Db, owner: FoldOwner, position: Position, changes: Iterable<FoldChanges>) {
    const { service, version } = owner;
    await lock(client, owner);
    const before = await find(client, owner);
    if (before !== undefined && comparePositions(position, before.position) <= 0) return false;
    const eventId = await eventIdAt(client, position);
    if (eventId === null && position !== START) throw noEventAt(position);
    for (const some of changes) await write(client, owner, some);
    await client.query(
      `INSERT INTO ${foldSnapshots} (service, version, position, event_id) VALUES ($1, $2, $3, $4)
       ON CONFLICT (service, version) DO UPDATE SET position = excluded.position, event_id = excluded.event_id,
         saved_at = clock_timestamp()`,
      [service, version, position, eventId],
    );
    if (before === undefined) await removeOldVersions(client, service);
    return true;
  }

  return {
    async load(owner, take) {
      const ask = <Result>(query: () => Promise<Result>) =>
        untilAnswered('load a snapshot of folds', patienceMs, query);
      const whole = await ask(() => pool.transaction((client) => readWhole(client, owner)));
      if (whole === 'foreign') await ask(() => pool.transaction((client) => removeForeign(client, owner)));
      if (whole === 'foreign' || whole === 'none') return undefined;
      // Handed out only when all is there: where the connection breaks on the way, it is read anew.
      for (const rows of whole.pages) {
        if (rows.length > 0) take(rows);
        await nextTurn();
      }
      return whole.position;
    },
    async save(owner, position, changes) {
      try {
        return await pool.transaction((client) => saveOn(client, owner, position, changes));
      } catch (error) {
        throw isUnavailable(error) ? unavailable('unknown', 'save a snapshot of folds', error) : error;
      }
    },
  };
}

/** A save at a place that the store does not hold: what it saw was lost, or it is not of this store. */
function noEventAt(position: Position): Rejected {
  const detail = `no event stands at position ${position}, where a snapshot was to be saved`;
  return new Rejected(errors.POSITION_BEYOND_HEAD(detail));
}

function foldRowOf(row: StateRow): FoldRow {
  return {
    kind: row.kind,
    id: row.id,
    revision: Number(row.revision),
    position: positionSchema.parse(row.position),
    firstPosition: positionSchema.parse(row.first_position),
    state: JSON.parse(row.state),
  };
}
