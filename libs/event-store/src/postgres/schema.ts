import type pg from 'pg';

/** Names of everything in one store's schema, quoted for SQL. */
export interface Tables {
  readonly schema: string;
  readonly events: string;
  readonly head: string;
  readonly deadLetters: string;
  readonly droppedLetters: string;
  readonly versions: string;
  readonly append: string;
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
    versions: `"${schema}".schema_migrations`,
    append: `"${schema}".append_events`,
    channel: `${schema}_appended`,
  };
}

/**
 * SchemaMigrations, oldest first; one that was released is never changed. They only add, because processes of the release
 * before go on beside a newer one.
 */
const schemaMigrations: readonly ((tables: Tables) => string)[] = [initialTables];

/** Brings the schema up to date. Processes that open the store at the same moment wait for each other. */
export async function migrateSchema(client: pg.Client, tables: Tables): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
      `drover event store ${tables.schema}`,
    ]);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${tables.schema}`);
    await client.query(
      `CREATE TABLE IF NOT EXISTS ${tables.versions} (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`,
    );
    const { rows } = await client.query<{ version: string }>(
      `SELECT coalesce(max(version), 0) AS version FROM ${tables.versions}`,
    );
    for (const [index, schemaMigration] of schemaMigrations.entries()) {
      if (index < Number(rows[0]?.version)) continue;
      await client.query(schemaMigration(tables));
      await client.query(`INSERT INTO ${tables.versions} (version) VALUES ($1)`, [index + 1]);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

/**
 * `data` and `meta` are `json`, not `jsonb`: kept as they were written and only checked, neither taken apart on the way in
 * nor put together on the way out, and `data->>'name'` still works for a person at the console.
 *
 * One index beside the keys, by stream kind: services follow a few kinds. Filters by type look through at most one
 * window of positions per page instead; an index for them would cost every append.
 *
 * The head row is locked, never changed. A new version of it per append would have to be kept for, and waded through
 * because of, any long transaction of the whole server; the newest position is at the right end of the primary key.
 */
function initialTables({ events, head, deadLetters, droppedLetters, append }: Tables): string {
  return `
CREATE TABLE ${head} (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row));
INSERT INTO ${head} DEFAULT VALUES;

CREATE TABLE ${events} (
  position bigint NOT NULL PRIMARY KEY,
  recorded_at timestamptz(3) NOT NULL,
  id uuid NOT NULL UNIQUE,
  revision integer NOT NULL,
  schema_version integer NOT NULL,
  stream text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  data json NOT NULL,
  meta json NOT NULL,
  UNIQUE (stream, revision)
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

-- How many letters were given up to keep to the limits of a source and subject.
CREATE TABLE ${droppedLetters} (
  source text NOT NULL,
  subject text NOT NULL,
  letters bigint NOT NULL,
  PRIMARY KEY (source, subject)
);

-- Settles a group of appends in their order, in one transaction of one round trip. Appends name their stream by its place
-- in "streams" and their events by count; expected revision -2 means any, -1 no stream.
-- Outcomes: 0 conflict (revision is the actual one), 1 appended, 2 repeat, 3 ids known in part or in another stream.
CREATE FUNCTION ${append}(
  streams text[], append_stream integer[], append_expected integer[], append_count integer[],
  event_append integer[], event_offset integer[], event_id uuid[], event_type text[], event_version integer[],
  event_data json[], event_meta json[],
  OUT outcomes integer[], OUT revisions integer[], OUT positions bigint[]
) LANGUAGE plpgsql AS $function$
#variable_conflict use_column
DECLARE
  newest bigint;
  now_at_least timestamptz;
  stream_revisions integer[];
  known bigint[];
  has_known boolean;
  first_revisions integer[] := array_fill(NULL::integer, ARRAY[cardinality(append_stream)]);
  first_positions bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(append_stream)]);
  seen_events integer := 0;
  s integer;
  known_count integer;
  known_here integer;
  known_revision integer;
  known_position bigint;
BEGIN
  -- Held until the commit: the next group, of whichever process, sees all of this one. Each statement below takes a new
  -- snapshot and so sees what the groups before have left.
  PERFORM FROM ${head} FOR UPDATE;
  SELECT e.position, e.recorded_at INTO newest, now_at_least FROM ${events} e ORDER BY e.position DESC LIMIT 1;
  newest := coalesce(newest, 0);
  now_at_least := greatest(now_at_least, date_trunc('milliseconds', clock_timestamp()));

  stream_revisions := ARRAY(
    SELECT coalesce((SELECT e.revision FROM ${events} e WHERE e.stream = s.name ORDER BY e.revision DESC LIMIT 1), -1)
    FROM unnest(streams) WITH ORDINALITY s(name, place) ORDER BY s.place);
  known := ARRAY(SELECT (SELECT e.position FROM ${events} e WHERE e.id = i.id) FROM unnest(event_id) i(id));
  has_known := cardinality(array_remove(known, NULL)) > 0;
  outcomes := array_fill(0, ARRAY[cardinality(append_stream)]);
  revisions := outcomes;
  positions := array_fill(0::bigint, ARRAY[cardinality(append_stream)]);

  FOR a IN 1 .. cardinality(append_stream) LOOP
    s := append_stream[a];
    known_count := 0;
    IF has_known THEN
      SELECT count(*), count(*) FILTER (WHERE e.stream = streams[s]), max(e.revision), max(e.position)
      INTO known_count, known_here, known_revision, known_position
      FROM unnest(event_id[seen_events + 1 : seen_events + append_count[a]]) i(id) JOIN ${events} e ON e.id = i.id;
    END IF;
    seen_events := seen_events + append_count[a];
    IF known_count > 0 THEN
      outcomes[a] := CASE WHEN known_here = append_count[a] THEN 2 ELSE 3 END;
      revisions[a] := known_revision;
      positions[a] := known_position;
    ELSIF append_expected[a] = -2 OR append_expected[a] = stream_revisions[s] THEN
      first_revisions[a] := stream_revisions[s] + 1;
      first_positions[a] := newest + 1;
      stream_revisions[s] := stream_revisions[s] + append_count[a];
      newest := newest + append_count[a];
      outcomes[a] := 1;
      revisions[a] := stream_revisions[s];
      positions[a] := newest;
    ELSE
      revisions[a] := stream_revisions[s];
    END IF;
  END LOOP;

  INSERT INTO ${events} (position, recorded_at, id, revision, schema_version, stream, kind, type, data, meta)
  SELECT first_positions[e.append] + e.place, now_at_least, e.id, first_revisions[e.append] + e.place, e.version,
    streams[append_stream[e.append]], split_part(streams[append_stream[e.append]], '-', 1), e.type, e.data, e.meta
  FROM unnest(event_append, event_offset, event_id, event_type, event_version, event_data, event_meta)
    e(append, place, id, type, version, data, meta)
  WHERE first_positions[e.append] IS NOT NULL;
END
$function$;`;
}
