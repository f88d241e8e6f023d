import type pg from 'pg';
import type { SeenHistory } from '../seen-history.state.js';
import { overConnection } from './database.client.js';
import { newestEventOf } from './event-reader.js';
import type { Tables } from './schema.js';

/**
 * Looks, on a new connection, whether the store still holds what this process has seen: the server may be another one,
 * and others may have appended to it where the lost events stood.
 */
export async function checkHistory(client: pg.ClientBase, { events }: Tables, history: SeenHistory): Promise<void> {
  const known = history.newest;
  if (known.sequence === 0) return;
  const { rows } = await overConnection(() =>
    client.query<{ position: string; id: string; seen: string | null }>(
      `SELECT position, id, (SELECT id FROM ${events} WHERE position = $1) AS seen FROM (${newestEventOf(events)}) newest`,
      [known.sequence],
    ),
  );
  const [row] = rows;
  history.compare(known, { sequence: Number(row?.position ?? 0), id: row?.id ?? '' });
  history.compareEvent(known, row?.seen ?? '');
}
