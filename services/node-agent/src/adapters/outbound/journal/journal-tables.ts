import {
  subjectKey,
  type FleetId,
  type HostId,
  type HostOrder,
  type OrderId,
  type ReportLane,
  type SubjectKey,
  type VmId,
} from '@drover/contracts';
import { assertNever } from '@drover/domain-kit';
import type { OrderProgress } from '../../../domain/orders/order.process.js';
import {
  applyChange,
  emptyJournal,
  type JournalChange,
  type JournalContent,
  type QueuedReport,
} from '../../../domain/journal/journal.state.js';

/** One prepared statement and what it is run with. */
export type Statement = readonly [name: StatementName, ...values: (string | number | null)[]];

/** One row per thing that is open, so that the file stays as small as what is open. */
export const schema = `
  CREATE TABLE IF NOT EXISTS host (
    host_id TEXT PRIMARY KEY, journal_id TEXT NOT NULL, fleet_id TEXT, journal_epoch INTEGER
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS newest (
    host_id TEXT NOT NULL, subject TEXT NOT NULL,
    epoch INTEGER NOT NULL, n INTEGER NOT NULL, revision INTEGER NOT NULL, order_id TEXT,
    PRIMARY KEY (host_id, subject)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS defined (
    host_id TEXT NOT NULL, vm_id TEXT NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (host_id, vm_id)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS volume (
    host_id TEXT NOT NULL, vm_id TEXT NOT NULL, pool TEXT NOT NULL, volume TEXT NOT NULL,
    order_id TEXT, size_bytes INTEGER, is_owed INTEGER NOT NULL,
    PRIMARY KEY (host_id, vm_id, pool, volume)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS taken_order (
    place INTEGER PRIMARY KEY, host_id TEXT NOT NULL, order_id TEXT NOT NULL, content TEXT NOT NULL, progress TEXT,
    UNIQUE (host_id, order_id)
  );
  CREATE TABLE IF NOT EXISTS lane (
    host_id TEXT NOT NULL, lane TEXT NOT NULL, last_sequence INTEGER NOT NULL, PRIMARY KEY (host_id, lane)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS report (
    host_id TEXT NOT NULL, lane TEXT NOT NULL, sequence INTEGER NOT NULL, at TEXT NOT NULL, report TEXT NOT NULL,
    PRIMARY KEY (host_id, lane, sequence)
  ) WITHOUT ROWID;
`;

export const statements = {
  made: 'INSERT INTO host (host_id, journal_id) VALUES (?, ?) ON CONFLICT DO NOTHING',
  registered: 'UPDATE host SET fleet_id = ?, journal_epoch = ? WHERE host_id = ?',
  renewed: 'UPDATE host SET journal_id = ?, journal_epoch = NULL WHERE host_id = ?',
  unreported: 'DELETE FROM report WHERE host_id = ?',
  unnumbered: 'DELETE FROM lane WHERE host_id = ?',
  raised: `INSERT INTO newest VALUES (?, ?, ?, ?, ?, NULL) ON CONFLICT DO UPDATE
    SET epoch = excluded.epoch, n = excluded.n, revision = excluded.revision, order_id = NULL
    WHERE (excluded.epoch, excluded.n, excluded.revision) > (epoch, n, revision)`,
  lowered: 'INSERT OR REPLACE INTO newest VALUES (?, ?, ?, ?, ?, ?)',
  newest: `INSERT INTO newest VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
    SET epoch = excluded.epoch, n = excluded.n, revision = excluded.revision, order_id = excluded.order_id
    WHERE (excluded.epoch, excluded.n, excluded.revision) >= (epoch, n, revision)`,
  taken: 'INSERT INTO taken_order (host_id, order_id, content) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  forgotten: 'UPDATE newest SET order_id = NULL WHERE host_id = ? AND subject = ? AND order_id = ?',
  progressed: 'UPDATE taken_order SET progress = ? WHERE host_id = ? AND order_id = ?',
  ended: 'DELETE FROM taken_order WHERE host_id = ? AND order_id = ?',
  defined: 'INSERT OR REPLACE INTO defined VALUES (?, ?, ?)',
  undefined: 'DELETE FROM defined WHERE host_id = ? AND vm_id = ?',
  volumeMade: 'INSERT OR REPLACE INTO volume VALUES (?, ?, ?, ?, ?, ?, 0)',
  volumeOwed: `INSERT INTO volume VALUES (?, ?, ?, ?, NULL, NULL, 1) ON CONFLICT DO UPDATE SET is_owed = 1`,
  volumeGone: 'DELETE FROM volume WHERE host_id = ? AND vm_id = ? AND pool = ? AND volume = ?',
  sequence: `INSERT INTO lane VALUES (?, ?, ?) ON CONFLICT DO UPDATE
    SET last_sequence = max(last_sequence, excluded.last_sequence)`,
  reported: 'INSERT OR REPLACE INTO report VALUES (?, ?, ?, ?, ?)',
  acknowledged: 'DELETE FROM report WHERE host_id = ? AND lane = ? AND sequence <= ?',
} as const;
export type StatementName = keyof typeof statements;

export const queries = {
  host: 'SELECT * FROM host WHERE host_id = ?',
  newest: 'SELECT * FROM newest WHERE host_id = ?',
  defined: 'SELECT * FROM defined WHERE host_id = ?',
  volumes: 'SELECT * FROM volume WHERE host_id = ?',
  orders: 'SELECT * FROM taken_order WHERE host_id = ? ORDER BY place',
  lanes: 'SELECT * FROM lane WHERE host_id = ?',
  reports: 'SELECT * FROM report WHERE host_id = ? ORDER BY lane, sequence',
} as const;
export type Row = Readonly<Record<string, unknown>>;
export type Rows = Readonly<Record<keyof typeof queries, readonly Row[]>>;

export function statementsOf(hostId: HostId, change: JournalChange): readonly Statement[] {
  switch (change.kind) {
    case 'registered':
      return [['registered', change.fleetId, change.journalEpoch, hostId]];
    case 'renewed':
      return [
        ['renewed', change.journalId, hostId],
        ['unreported', hostId],
        ['unnumbered', hostId],
      ];
    case 'raised':
    case 'lowered': {
      const { generation, revision } = change.rank;
      const row = [hostId, subjectKey(change.subject), generation.epoch, generation.n, revision] as const;
      return change.kind === 'raised' ? [['raised', ...row]] : [['lowered', ...row, change.orderId ?? null]];
    }
    case 'taken': {
      const { orderId, generation, revision, subject } = change.order;
      return [
        ['taken', hostId, orderId, JSON.stringify(change.order)],
        ['newest', hostId, subjectKey(subject), generation.epoch, generation.n, revision, orderId],
      ];
    }
    case 'untaken':
      return [
        ['ended', hostId, change.order.orderId],
        ['forgotten', hostId, subjectKey(change.order.subject), change.order.orderId],
      ];
    case 'progressed':
      return [['progressed', JSON.stringify(change.progress), hostId, change.orderId]];
    case 'ended':
      return [['ended', hostId, change.orderId]];
    case 'defined':
      return change.hash === undefined
        ? [['undefined', hostId, change.vmId]]
        : [['defined', hostId, change.vmId, change.hash]];
    case 'volume-made': {
      const { orderId = null, pool, sizeBytes = null, vmId, volume } = change;
      return [['volumeMade', hostId, vmId, pool, volume, orderId, sizeBytes]];
    }
    case 'volume-owed':
      return [['volumeOwed', hostId, change.vmId, change.pool, change.volume]];
    case 'volume-gone':
      return [['volumeGone', hostId, change.vmId, change.pool, change.volume]];
    case 'reported': {
      const { sequence, at, report } = change.report;
      return [
        ['sequence', hostId, change.lane, sequence],
        ['reported', hostId, change.lane, sequence, at, JSON.stringify(report)],
      ];
    }
    case 'acknowledged':
      return [['acknowledged', hostId, change.lane, change.throughSequence]];
    default:
      return assertNever(change);
  }
}

export function contentOf(rows: Rows): JournalContent {
  const [host] = rows.host;
  if (host === undefined) throw new Error('the journal has no row for this host');
  const content = emptyJournal(text(host, 'journal_id'));
  if (host['fleet_id'] !== null) {
    content.fleetId = text(host, 'fleet_id') as FleetId;
    if (host['journal_epoch'] !== null) content.journalEpoch = Number(host['journal_epoch']);
  }
  for (const row of rows.newest) {
    const generation = { epoch: Number(row['epoch']), n: Number(row['n']) };
    const rank = { generation, revision: Number(row['revision']) };
    const orderId = row['order_id'] === null ? {} : { orderId: text(row, 'order_id') as OrderId };
    content.newest.set(text(row, 'subject') as SubjectKey, { rank, ...orderId });
  }
  for (const row of rows.defined) content.definedFrom.set(text(row, 'vm_id') as VmId, text(row, 'hash'));
  for (const row of rows.volumes) {
    const ref = { vmId: text(row, 'vm_id') as VmId, pool: text(row, 'pool'), volume: text(row, 'volume') };
    const orderId = row['order_id'] === null ? {} : { orderId: text(row, 'order_id') as OrderId };
    const sizeBytes = row['size_bytes'] === null ? {} : { sizeBytes: Number(row['size_bytes']) };
    applyChange(content, { kind: 'volume-made', ...ref, ...orderId, ...sizeBytes });
    if (row['is_owed'] === 1) applyChange(content, { kind: 'volume-owed', ...ref });
  }
  for (const row of rows.orders) {
    const order = JSON.parse(text(row, 'content')) as HostOrder;
    const isBegun = row['progress'] !== null;
    const progress = isBegun ? { progress: JSON.parse(text(row, 'progress')) as OrderProgress } : {};
    content.orders.set(order.orderId, { order, ...progress });
  }
  for (const row of rows.lanes)
    content.lanes[text(row, 'lane') as ReportLane].lastSequence = Number(row['last_sequence']);
  for (const row of rows.reports) {
    const report = JSON.parse(text(row, 'report')) as QueuedReport['report'];
    const queued = { sequence: Number(row['sequence']), at: text(row, 'at'), report };
    content.lanes[text(row, 'lane') as ReportLane].reports.push(queued);
  }
  return content;
}

function text(row: Row, column: string): string {
  return String(row[column]);
}
