import { createHash } from 'node:crypto';
import { MAX_EVENT_BYTES } from '@drover/contracts';
import type pg from 'pg';
import { appendFunction } from './append-function.js';
import { StoreDefect } from './database.client.js';
import { leaseTable } from './lease-table.js';

/** Names of everything in one store's schema, quoted for SQL. */
export interface Tables {
  readonly schema: string;
  readonly events: string;
  readonly head: string;
  readonly deadLetters: string;
  readonly droppedLetters: string;
  readonly foldSnapshots: string;
  readonly foldStates: string;
  readonly leases: string;
  readonly writeLease: string;
  readonly versions: string;
  /** Which role writes which kind of stream. */
  readonly writers: string;
  readonly append: string;
  readonly refuseChange: string;
  /** Of NOTIFY; a database may hold several stores. */
  readonly channel: string;
}

export function tablesIn(schema: string): Tables {
  if (!/^[a-z_][a-z0-9_]{0,39}$/.test(schema)) throw new Error(`not a schema name: ${JSON.stringify(schema)}`);
  return {
    schema: `"${schema}"`,
    events: `"${schema}".events`,
    head: `"${schema}".head`,
    deadLetters: `"${schema}".dead_letters`,
    droppedLetters: `"${schema}".dropped_letters`,
    foldSnapshots: `"${schema}".fold_snapshots`,
    foldStates: `"${schema}".fold_states`,
    leases: `"${schema}".leases`,
    writeLease: `"${schema}".write_lease`,
    versions: `"${schema}".schema_migrations`,
    writers: `"${schema}".stream_writers`,
    append: `"${schema}".append_events`,
    refuseChange: `"${schema}".refuse_change`,
    channel: `${schema}_appended`,
  };
}

/**
 * Migrations of the schema, oldest first. No release has been installed yet, so there is one; after the first release a migration
 * that it has is never changed. They only add, because processes of the release
 * before go on while a newer one runs.
 */
const schemaMigrations: readonly ((tables: Tables) => string)[] = [initialTables];

/**
 * Makes sure that the tables are those of this release. The owner of the database makes what is missing; a service's own
 * role may not, and is told that the owner has to.
 */
export async function requireSchema(client: pg.Client, tables: Tables): Promise<void> {
  const version = await versionOf(client, tables);
  if (version >= schemaMigrations.length) return;
  const { rows } = await client.query<{ may: string }>(
    `SELECT pg_has_role(datdba, 'USAGE') AS may FROM pg_database WHERE datname = current_database()`,
  );
  if (rows[0]?.may !== 't') {
    throw new StoreDefect(
      `the event store has tables of version ${version} and this release needs ${schemaMigrations.length}: run prepareStore with the URL of the database's owner`,
    );
  }
  await inTransaction(client, () => migrateSchema(client, tables));
}

/** Throws `StoreDefect` where a migration that this release knows was another one when it was applied. */
async function versionOf(client: pg.ClientBase, tables: Tables): Promise<number> {
  const { versions } = tables;
  const { rows } = await client.query<{ is_there: string }>('SELECT to_regclass($1) IS NOT NULL AS is_there', [
    versions,
  ]);
  if (rows[0]?.is_there !== 't') return 0;
  const found = await client.query<{ version: string; digest: string | null }>(
    `SELECT version, to_jsonb(applied) ->> 'digest' AS digest FROM ${versions} AS applied ORDER BY version`,
  );
  for (const { version, digest } of found.rows) {
    const migration = schemaMigrations[Number(version) - 1];
    if (migration !== undefined && digest !== digestOf(migration(tables))) {
      throw new StoreDefect(
        `the event store in schema ${tables.schema} was made by a build whose tables of version ${version} are not those of any release; ` +
          'no upgrade leads from it: run that build, or begin with an empty database and home',
      );
    }
  }
  return Number(found.rows.at(-1)?.version ?? 0);
}

const digestOf = (sql: string) => createHash('sha256').update(sql).digest('hex');

export async function inTransaction(client: pg.ClientBase, work: () => Promise<void>): Promise<void> {
  await client.query('BEGIN');
  try {
    await work();
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

/** Brings the schema up to date, in a transaction. Processes that do so at the same moment wait for each other. */
export async function migrateSchema(client: pg.ClientBase, tables: Tables): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`drover event store ${tables.schema}`]);
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${tables.schema}`);
  await client.query(
    `CREATE TABLE IF NOT EXISTS ${tables.versions} (version integer PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
  );
  const version = await versionOf(client, tables);
  for (const [index, schemaMigration] of schemaMigrations.entries()) {
    if (index < version) continue;
    const sql = schemaMigration(tables);
    await client.query(sql);
    await client.query(`INSERT INTO ${tables.versions} (version, digest) VALUES ($1, $2)`, [index + 1, digestOf(sql)]);
  }
}

/**
 * `data` and `meta` are `json`, not `jsonb`: kept as they were written and only checked, neither taken apart on the way in
 * nor put together on the way out, and `data->>'name'` still works for a person at the console.
 *
 * What an event may be is checked here as well: it is never removed, and one that no reader can take would be in everyone's way for ever.
 *
 * One index besides the keys, by stream kind: services follow a few kinds. Filters by type look through at most one
 * window of positions per page instead; an index for them would cost every append.
 *
 * The head row is locked, never changed. A new version of it per append would have to be kept for, and waded through
 * because of, any long transaction of the whole server; the newest position is at the right end of the primary key.
 */
function initialTables(tables: Tables): string {
  const { schema, events, head, deadLetters, droppedLetters, foldSnapshots, foldStates, writers, refuseChange } =
    tables;
  return `
CREATE TABLE ${head} (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row));
INSERT INTO ${head} DEFAULT VALUES;

CREATE TABLE ${events} (
  position bigint NOT NULL PRIMARY KEY,
  recorded_at timestamptz(3) NOT NULL,
  id uuid NOT NULL UNIQUE,
  revision integer NOT NULL,
  schema_version integer NOT NULL CHECK (schema_version > 0),
  stream text COLLATE "C" NOT NULL CHECK (length(stream) <= 128 AND stream ~ '^[a-z]+-[a-z0-9][a-z0-9-]*$'),
  kind text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL CHECK (length(type) BETWEEN 1 AND 100),
  data json NOT NULL,
  meta json NOT NULL,
  UNIQUE (stream, revision),
  CONSTRAINT not_too_large CHECK (octet_length(data::text) + octet_length(meta::text) <= ${MAX_EVENT_BYTES})
);
CREATE INDEX events_by_kind ON ${events} (kind, position);

CREATE TABLE ${deadLetters} (
  sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source text NOT NULL,
  subject text NOT NULL,
  digest bytea NOT NULL,
  reason text NOT NULL,
  payload bytea NOT NULL,
  first_kept_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  last_kept_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  occurrences bigint NOT NULL DEFAULT 1,
  UNIQUE (source, subject, digest)
);

-- A copy that spares reading all events at a start; one row per stream that is not over.
CREATE TABLE ${foldSnapshots} (
  service text NOT NULL,
  version text NOT NULL,
  position text NOT NULL,
  event_id uuid,
  begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  saved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (service, version)
);
CREATE TABLE ${foldStates} (
  service text COLLATE "C" NOT NULL,
  version text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  revision integer NOT NULL,
  position text NOT NULL,
  first_position text NOT NULL,
  state json NOT NULL,
  PRIMARY KEY (service, version, kind, id)
);

-- How many letters were given up to keep to the limits of a source and subject.
CREATE TABLE ${droppedLetters} (
  source text NOT NULL,
  subject text NOT NULL,
  letters bigint NOT NULL,
  PRIMARY KEY (source, subject)
);

CREATE TABLE ${writers} (kind text COLLATE "C" PRIMARY KEY, writer name NOT NULL);

-- For the owner's slip too: no right is needed to change one's own table.
CREATE FUNCTION ${refuseChange}() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
  RAISE EXCEPTION '% is refused: a stored event is never changed', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$function$;
CREATE TRIGGER stored_events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ${events}
  FOR EACH STATEMENT EXECUTE FUNCTION ${refuseChange}();
${appendFunction(tables)}
${leaseTable(tables)}
REVOKE ALL ON ALL TABLES IN SCHEMA ${schema} FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ${schema} FROM PUBLIC;`;
}
