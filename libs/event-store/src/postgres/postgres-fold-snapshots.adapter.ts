import { comparePositions, positionSchema, type Position } from '@drover/contracts';
import type { FoldChanges, FoldOwner, FoldRow, FoldSnapshots } from '../fold-snapshots.port.js';
import { isUnavailable, unavailable, untilAnswered, type Queries, type QueryPool } from './database.client.js';
import type { Tables } from './schema.js';

interface SnapshotRow {
  readonly position: string;
}

interface StateRow {
  readonly kind: string;
  readonly id: string;
  readonly revision: string;
  readonly position: string;
  readonly first_position: string;
  readonly state: string;
}

/** Some milliseconds of parsing each. */
const ROWS_PER_PAGE = 200;

export function postgresFoldSnapshots(pool: QueryPool, tables: Tables, patienceMs: number): FoldSnapshots {
  const { foldSnapshots, foldStates } = tables;

  async function positionOf(db: Pick<Queries, 'query'>, { service, version }: FoldOwner) {
    const { rows } = await db.query<SnapshotRow>(
      `SELECT position FROM ${foldSnapshots} WHERE service = $1 AND version = $2`,
      [service, version],
    );
    return rows[0] === undefined ? undefined : positionSchema.parse(rows[0].position);
  }

  async function page({ service, version }: FoldOwner, after: Pick<FoldRow, 'kind' | 'id'>) {
    const { rows } = await pool.query<StateRow>(
      `SELECT kind, id, revision, position, first_position, state FROM ${foldStates}
       WHERE service = $1 AND version = $2 AND (kind, id) > ($3, $4) ORDER BY kind, id LIMIT ${ROWS_PER_PAGE}`,
      [service, version, after.kind, after.id],
    );
    return rows.map(foldRowOf);
  }

  async function write(client: Pick<Queries, 'query'>, { service, version }: FoldOwner, { kept, gone }: FoldChanges) {
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
  async function removeOldVersions(client: Pick<Queries, 'query'>, service: string) {
    const { rows } = await client.query<{ version: string }>(
      `DELETE FROM ${foldSnapshots} WHERE service = $1 AND version NOT IN
       (SELECT version FROM ${foldSnapshots} WHERE service = $1 ORDER BY begun_at DESC, version LIMIT 2) RETURNING version`,
      [service],
    );
    for (const { version } of rows) {
      await client.query(`DELETE FROM ${foldStates} WHERE service = $1 AND version = $2`, [service, version]);
    }
  }

  async function saveOn(
    client: Pick<Queries, 'query'>,
    owner: FoldOwner,
    position: Position,
    changes: Iterable<FoldChanges>,
  ) {
    const { service, version } = owner;
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
      `drover folds ${foldStates} ${service}`,
    ]);
    const before = await positionOf(client, owner);
    if (before !== undefined && comparePositions(position, before) <= 0) return false;
    for (const some of changes) await write(client, owner, some);
    await client.query(
      `INSERT INTO ${foldSnapshots} (service, version, position) VALUES ($1, $2, $3)
       ON CONFLICT (service, version) DO UPDATE SET position = excluded.position, saved_at = clock_timestamp()`,
      [service, version, position],
    );
    if (before === undefined) await removeOldVersions(client, service);
    return true;
  }

  return {
    async load(owner, head, take) {
      const ask = <Result>(query: () => Promise<Result>) =>
        untilAnswered('load a snapshot of folds', patienceMs, query);
      const position = await ask(() => positionOf(pool, owner));
      if (position === undefined || comparePositions(position, head) > 0) return undefined;
      for (let after = { kind: '', id: '' }; ;) {
        const rows = await ask(() => page(owner, after));
        if (rows.length > 0) take(rows);
        const last = rows.at(-1);
        if (last === undefined || rows.length < ROWS_PER_PAGE) return position;
        after = last;
      }
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
