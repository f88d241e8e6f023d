import type { NewEvent } from '@drover/contracts';
import pg from 'pg';

interface Waiting {
  readonly stream: string;
  readonly revision: number;
  readonly event: NewEvent;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What a person would write by hand for this one purpose: one table, waiting appends in one INSERT of arrays and one
 * commit, a head row for gap-free positions, replay by position in pages. No idempotency, subscriptions or reconnects.
 */
export async function openHandWrittenStore(connectionString: string) {
  const writer = new pg.Client({ connectionString });
  const reader = new pg.Client({ connectionString });
  await Promise.all([writer.connect(), reader.connect()]);
  await writer.query(`
    CREATE SCHEMA by_hand;
    CREATE TABLE by_hand.head (position bigint NOT NULL);
    INSERT INTO by_hand.head VALUES (0);
    CREATE TABLE by_hand.events (
      position bigint PRIMARY KEY, stream text NOT NULL, revision int NOT NULL, id uuid NOT NULL, type text NOT NULL,
      data text NOT NULL, meta text NOT NULL, recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      UNIQUE (stream, revision)
    )`);
  let waiting: Waiting[] = [];
  let isWriting = false;

  async function write(): Promise<void> {
    if (isWriting) return;
    isWriting = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        await writer.query({
          name: 'append',
          text: `WITH moved AS (UPDATE by_hand.head SET position = position + cardinality($1::text[]) RETURNING position)
            INSERT INTO by_hand.events (position, stream, revision, id, type, data, meta)
            SELECT moved.position - cardinality($1::text[]) + n, stream, revision, id, type, data, meta
            FROM moved, unnest($1::text[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::text[])
              WITH ORDINALITY AS e (stream, revision, id, type, data, meta, n)`,
          values: [
            batch.map((item) => item.stream),
            batch.map((item) => item.revision),
            batch.map((item) => item.event.id),
            batch.map((item) => item.event.type),
            batch.map((item) => JSON.stringify(item.event.data)),
            batch.map((item) => JSON.stringify(item.event.meta)),
          ],
        });
        for (const item of batch) item.resolve();
      } catch (error) {
        for (const item of batch) item.reject(error);
      }
    }
    isWriting = false;
  }

  return {
    append: (stream: string, revision: number, event: NewEvent) =>
      new Promise<void>((resolve, reject) => {
        waiting.push({ stream, revision, event, resolve, reject });
        setImmediate(() => void write());
      }),
    replay: async () => {
      let count = 0;
      for (let after = '0'; ;) {
        const { rows } = await reader.query<{ position: string; data: string; meta: string }>({
          name: 'replay',
          text: 'SELECT * FROM by_hand.events WHERE position > $1 ORDER BY position LIMIT 1000',
          values: [after],
        });
        for (const row of rows) {
          JSON.parse(row.data);
          JSON.parse(row.meta);
        }
        count += rows.length;
        const last = rows.at(-1);
        if (last === undefined) return count;
        after = last.position;
      }
    },
    close: () => Promise.all([writer.end(), reader.end()]),
  };
}
