import type { Tables } from './schema.js';

/** How long a session may hold the lock of all appends without a word: one round trip is all that an append needs. */
const HEAD_HELD_MS = 1_000;

/**
 * The arrays of a call, each with one that it is as long as. Elements are counted from 1 and looked up by subscript, so an array that
 * begins elsewhere or has rows of its own would be counted at one place and read at another.
 */
const arrays = [
  ['streams', 'streams'],
  ...['append_stream', 'append_expected', 'append_count'].map((name) => [name, 'append_stream']),
  ...['event_id', 'event_type', 'event_version', 'event_data', 'event_meta'].map((name) => [name, 'event_id']),
];
const shapes = arrays.map(
  ([name, like]) =>
    `(array_ndims(${name}), array_lower(${name}, 1), num_nulls(VARIADIC ${name}), cardinality(${name}) - cardinality(${like}))`,
);

/** The one way into the table of events. */
export function appendFunction({ events, head, append, writers }: Tables): string {
  return `
-- Settles a group of appends in their order, in one transaction of one round trip. Appends name their stream by its place
-- in "streams" and their events by count, in order; expected revision -2 means any, -1 no stream. Places are counted here:
-- no caller says where an event goes.
-- Outcomes: 0 conflict (revision is the actual one), 1 appended, 2 repeat, 3 ids known in part or in another stream,
-- 4 the stream is of a kind that the role does not write. No outcomes at all where the lock came later than "wait_ms" after
-- the statement: by then the callers have been told that nothing was made.
-- Runs with the rights of the owner, whom alone the tables obey; "session_user" is the role that calls.
CREATE FUNCTION ${append}(
  wait_ms integer, streams text[], append_stream integer[], append_expected integer[], append_count integer[],
  event_id uuid[], event_type text[], event_version integer[],
  event_data json[], event_meta json[],
  OUT outcomes integer[], OUT revisions integer[], OUT positions bigint[]
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
#variable_conflict use_column
DECLARE
  newest bigint;
  now_at_least timestamptz;
  stream_revisions integer[];
  known bigint[];
  has_known boolean;
  event_append integer[];
  -- Of an append that goes through: what the number of an event among all of the call is added to.
  base_revisions integer[];
  base_positions bigint[];
  seen_events integer := 0;
  s integer;
  known_count integer;
  known_here integer;
  known_revision integer;
  known_position bigint;
  may_write text[];
  has_foreign boolean := false;
BEGIN
  IF NOT pg_has_role(session_user, current_user, 'MEMBER') THEN
    may_write := ARRAY(SELECT w.kind FROM ${writers} w WHERE w.writer = session_user);
    has_foreign := EXISTS (SELECT FROM unnest(streams) n(name) WHERE split_part(n.name, '-', 1) <> ALL (may_write));
  END IF;

  IF EXISTS (SELECT FROM (VALUES
      ${shapes.join(',\n      ')}) a(dimensions, lowest, nulls, excess)
    WHERE (a.dimensions, a.lowest, a.nulls, a.excess) IS DISTINCT FROM (1, 1, 0, 0)) THEN
    RAISE 'each array has one dimension from 1 on, no NULL, and the length of those that go with it'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF NOT (1 <= ALL (append_stream) AND cardinality(streams) >= ALL (append_stream)) THEN
    RAISE 'an append names a stream that is not there' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF NOT 0 < ALL (append_count)
    OR (SELECT sum(c.events) FROM unnest(append_count) c(events)) <> cardinality(event_id) THEN
    RAISE 'the counts of the appends are not those of their events' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  event_append := ARRAY(SELECT c.append::integer FROM unnest(append_count) WITH ORDINALITY c(events, append),
    generate_series(1, c.events) ORDER BY c.append);

  -- A connection that holds the lock and then says nothing is cut off, and the next one goes on.
  PERFORM set_config('idle_in_transaction_session_timeout', '${HEAD_HELD_MS}', true);
  -- Held until the commit: the next group, of whichever process, sees all of this one. Each statement below takes a new
  -- snapshot and so sees what the groups before have left.
  PERFORM FROM ${head} FOR UPDATE;
  IF clock_timestamp() > statement_timestamp() + wait_ms * interval '1 millisecond' THEN RETURN; END IF;
  SELECT e.position, e.recorded_at INTO newest, now_at_least FROM ${events} e ORDER BY e.position DESC LIMIT 1;
  newest := coalesce(newest, 0);
  now_at_least := greatest(now_at_least, date_trunc('milliseconds', clock_timestamp()));

  stream_revisions := ARRAY(
    SELECT coalesce((SELECT e.revision FROM ${events} e WHERE e.stream = s.name ORDER BY e.revision DESC LIMIT 1), -1)
    FROM unnest(streams) WITH ORDINALITY s(name, place) ORDER BY s.place);
  known := ARRAY(SELECT (SELECT e.position FROM ${events} e WHERE e.id = i.id) FROM unnest(event_id) i(id));
  has_known := cardinality(array_remove(known, NULL)) > 0;
  base_revisions := array_fill(NULL::integer, ARRAY[cardinality(append_stream)]);
  base_positions := array_fill(NULL::bigint, ARRAY[cardinality(append_stream)]);
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
    IF has_foreign AND split_part(streams[s], '-', 1) <> ALL (may_write) THEN
      outcomes[a] := 4;
    ELSIF known_count > 0 THEN
      outcomes[a] := CASE WHEN known_here = append_count[a] THEN 2 ELSE 3 END;
      revisions[a] := known_revision;
      positions[a] := known_position;
    ELSIF append_expected[a] = -2 OR append_expected[a] = stream_revisions[s] THEN
      base_revisions[a] := stream_revisions[s] - seen_events + append_count[a];
      base_positions[a] := newest - seen_events + append_count[a];
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
  SELECT base_positions[e.append] + e.number, now_at_least, e.id, base_revisions[e.append] + e.number, e.version,
    streams[append_stream[e.append]], split_part(streams[append_stream[e.append]], '-', 1), e.type, e.data, e.meta
  FROM unnest(event_append, event_id, event_type, event_version, event_data, event_meta)
    WITH ORDINALITY e(append, id, type, version, data, meta, number)
  WHERE base_positions[e.append] IS NOT NULL;
END
$function$;`;
}
