import { createHash } from 'node:crypto';
import { TokenBucket } from '@drover/domain-kit';
import { cutToLimits } from '../dead-letter.codec.js';
import { deadLetterLimits, type DeadLetters } from '../dead-letters.port.js';
import { timestampToIso, untilAnswered, type Queries } from './database.client.js';
import type { Tables } from './schema.js';

interface LetterRow {
  readonly sequence: string;
  readonly source: string;
  readonly subject: string;
  readonly reason: string;
  readonly payload: string;
  readonly first_kept_at: string;
  readonly last_kept_at: string;
  readonly occurrences: string;
}

/** A flood fills the limits once and then costs the database little: a person reads no faster. */
const PACE = { perSecond: 10, burst: deadLetterLimits.letters };
const MAX_PACED = 10_000;

export function postgresDeadLetters(
  pool: Queries,
  { deadLetters, droppedLetters }: Tables,
  patienceMs: number,
): DeadLetters {
  const paces = new Map<string, { readonly bucket: TokenBucket; unkept: number }>();

  function paceOf(source: string, subject: string) {
    const key = `${source} ${subject}`;
    const known = paces.get(key);
    if (known !== undefined) return known;
    if (paces.size >= MAX_PACED) {
      for (const [each, { unkept }] of paces) if (unkept === 0) paces.delete(each);
    }
    const made = { bucket: new TokenBucket(PACE, performance.now()), unkept: 0 };
    paces.set(key, made);
    return made;
  }

  return {
    async keep(letter) {
      const { source, subject, reason, payload } = cutToLimits(letter);
      const pace = paceOf(source, subject);
      if (pace.bucket.waitMs(performance.now()) > 0) {
        pace.unkept += 1;
        return;
      }
      pace.bucket.take(1);
      const digest = createHash('sha256').update(letter.payload).digest();
      const values = [source, subject, digest, reason, Buffer.from(payload)];
      await untilAnswered('keep a dead letter', patienceMs, () =>
        pool.query(
          `INSERT INTO ${deadLetters} AS kept (source, subject, digest, reason, payload) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (source, subject, digest) DO UPDATE
           SET occurrences = kept.occurrences + 1, last_kept_at = clock_timestamp(), reason = excluded.reason`,
          values,
        ),
      );
      const { unkept } = pace;
      pace.unkept = 0;
      const trimmed = untilAnswered('drop the oldest dead letters', patienceMs, () =>
        pool.query(
          `WITH own AS (
             SELECT sequence, row_number() OVER newest AS place, sum(octet_length(payload)) OVER newest AS bytes
             FROM ${deadLetters} WHERE source = $1 AND subject = $2 WINDOW newest AS (ORDER BY sequence DESC)
           ), gone AS (
             DELETE FROM ${deadLetters} AS letter USING own
             WHERE letter.sequence = own.sequence AND (own.place > $3 OR own.bytes > $4) RETURNING 1
           )
           INSERT INTO ${droppedLetters} AS dropped (source, subject, letters)
           SELECT $1, $2, count(*) + $5 FROM gone HAVING count(*) + $5 > 0
           ON CONFLICT (source, subject) DO UPDATE SET letters = dropped.letters + excluded.letters`,
          [source, subject, deadLetterLimits.letters, deadLetterLimits.bytes, unkept],
        ),
      );
      await trimmed.catch((error: unknown) => {
        pace.unkept += unkept;
        throw error;
      });
    },
    async list({ after = 0, limit = 100 } = {}) {
      const { rows } = await untilAnswered('list dead letters', patienceMs, () =>
        pool.query<LetterRow>(
          `SELECT sequence, source, subject, reason, encode(payload, 'base64') AS payload, first_kept_at, last_kept_at, occurrences
           FROM ${deadLetters} WHERE sequence > $1 ORDER BY sequence LIMIT $2`,
          [after, limit],
        ),
      );
      return rows.map((row) => ({
        sequence: Number(row.sequence),
        source: row.source,
        subject: row.subject,
        reason: row.reason,
        payload: Buffer.from(row.payload, 'base64'),
        firstKeptAt: timestampToIso(row.first_kept_at),
        lastKeptAt: timestampToIso(row.last_kept_at),
        occurrences: Number(row.occurrences),
      }));
    },
    async count(source) {
      const { rows } = await untilAnswered('count dead letters', patienceMs, () =>
        pool.query<{ count: string }>(
          `SELECT count(*) AS count FROM ${deadLetters} WHERE $1::text IS NULL OR source = $1`,
          [source ?? null],
        ),
      );
      return Number(rows[0]?.count);
    },
    async dropped(source) {
      const { rows } = await untilAnswered('count dropped dead letters', patienceMs, () =>
        pool.query<{ letters: string }>(
          `SELECT coalesce(sum(letters), 0) AS letters FROM ${droppedLetters} WHERE $1::text IS NULL OR source = $1`,
          [source ?? null],
        ),
      );
      const uncounted = [...paces]
        .filter(([key]) => source === undefined || key.startsWith(`${source} `))
        .reduce((sum, [, { unkept }]) => sum + unkept, 0);
      return Number(rows[0]?.letters) + uncounted;
    },
  };
}
