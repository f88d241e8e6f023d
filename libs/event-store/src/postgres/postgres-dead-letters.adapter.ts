import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { DeadLetters } from '../dead-letters.port.js';
import { timestampToIso, untilAnswered } from './database.client.js';
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

export function postgresDeadLetters(pool: pg.Pool, { deadLetters }: Tables, patienceMs: number): DeadLetters {
  return {
    async keep({ source, subject, reason, payload }) {
      const digest = createHash('sha256').update(payload).digest();
      // Text columns cannot hold NUL, and a reason may quote the unreadable.
      const values = [source, subject, digest, reason.replaceAll('\0', '\u{FFFD}'), Buffer.from(payload)];
      await untilAnswered('keep a dead letter', patienceMs, () =>
        pool.query(
          `INSERT INTO ${deadLetters} AS kept (source, subject, digest, reason, payload) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (source, subject, digest) DO UPDATE
           SET occurrences = kept.occurrences + 1, last_kept_at = clock_timestamp(), reason = excluded.reason`,
          values,
        ),
      );
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
  };
}
