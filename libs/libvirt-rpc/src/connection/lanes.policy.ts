/**
 * Which connections a call may use. Calls that can wait for a QEMU must not hold up those that cannot, nor each other more
 * than needed: on one connection four blocked calls block all.
 */
import { procedures } from '../procedures/table.js';
import type { ProcedureName } from '../procedures/table.js';

export type LaneName = 'control' | 'books' | 'work' | 'statistics' | 'long';

export interface LanePolicy {
  /** Most connections, opened as needed. All lanes together stay below the daemon's 20 workers at 4 calls each. */
  readonly maxConnections: number;
  readonly timeoutMs: number;
}

export const lanePolicies: Readonly<Record<LaneName, LanePolicy>> = {
  /** Never waits for a QEMU: lists, states, definitions, events. */
  control: { maxConnections: 2, timeoutMs: 30_000 },
  /**
   * Descriptions of domains and marks on them, in libvirt's own books. They have a lane of their own because a client that ends a hung VM has to look at it
   * first, however many calls hang.
   */
  books: { maxConnections: 1, timeoutMs: 30_000 },
  /** Asks a QEMU and waits for it: start, shutdown, storage. */
  work: { maxConnections: 2, timeoutMs: 120_000 },
  statistics: { maxConnections: 1, timeoutMs: 30_000 },
  /** Minutes and more: live migration, snapshots, copies, guest agents. Ended by the daemon, not by a clock here. */
  long: { maxConnections: 1, timeoutMs: Number.POSITIVE_INFINITY },
};

const statistics: ReadonlySet<ProcedureName> = new Set<ProcedureName>([
  'CONNECT_GET_ALL_DOMAIN_STATS',
  'DOMAIN_MEMORY_STATS',
  'DOMAIN_BLOCK_STATS_FLAGS',
  'DOMAIN_INTERFACE_STATS',
  'DOMAIN_GET_CPU_STATS',
  'DOMAIN_GET_BLOCK_INFO',
  'DOMAIN_GET_DISK_ERRORS',
  'DOMAIN_GET_INFO',
  'DOMAIN_GET_VCPUS',
  'DOMAIN_GET_JOB_INFO',
  'DOMAIN_GET_JOB_STATS',
  'DOMAIN_GET_BLOCK_JOB_INFO',
]);

const books: ReadonlySet<ProcedureName> = new Set<ProcedureName>([
  'DOMAIN_GET_XML_DESC',
  'DOMAIN_GET_METADATA',
  'DOMAIN_SET_METADATA',
]);

const long: ReadonlySet<ProcedureName> = new Set<ProcedureName>([
  'DOMAIN_MIGRATE_PERFORM3_PARAMS',
  'DOMAIN_MIGRATE_BEGIN3_PARAMS',
  'DOMAIN_MIGRATE_PREPARE3_PARAMS',
  'DOMAIN_MIGRATE_FINISH3_PARAMS',
  'DOMAIN_MIGRATE_CONFIRM3_PARAMS',
  'DOMAIN_SAVE_FLAGS',
  'DOMAIN_SAVE_PARAMS',
  'DOMAIN_RESTORE_FLAGS',
  'DOMAIN_RESTORE_PARAMS',
  'DOMAIN_MANAGED_SAVE',
  'DOMAIN_CORE_DUMP_WITH_FORMAT',
  'DOMAIN_SNAPSHOT_CREATE_XML',
  'DOMAIN_REVERT_TO_SNAPSHOT',
  'DOMAIN_SNAPSHOT_DELETE',
  'DOMAIN_CHECKPOINT_CREATE_XML',
  'DOMAIN_CHECKPOINT_DELETE',
  'DOMAIN_BACKUP_BEGIN',
  'DOMAIN_AGENT_COMMAND',
  'DOMAIN_GET_GUEST_INFO',
  'DOMAIN_GET_FSINFO',
  'DOMAIN_FSFREEZE',
  'DOMAIN_FSTHAW',
  'DOMAIN_FSTRIM',
  'DOMAIN_GET_TIME',
  'DOMAIN_SET_TIME',
  'DOMAIN_SET_USER_PASSWORD',
  'DOMAIN_SET_GUEST_VCPUS',
  'DOMAIN_AUTHORIZED_SSH_KEYS_GET',
  'DOMAIN_AUTHORIZED_SSH_KEYS_SET',
  'DOMAIN_GET_HOSTNAME',
  'STORAGE_POOL_BUILD',
  'STORAGE_VOL_CREATE_XML_FROM',
  'STORAGE_VOL_WIPE_PATTERN',
]);

export function laneOf(name: ProcedureName): LaneName {
  if (statistics.has(name)) return 'statistics';
  if (long.has(name)) return 'long';
  if (books.has(name)) return 'books';
  // A destroy asks no QEMU and is the remedy for a hung one, so it stays with what never waits for QEMU.
  return procedures[name].isHighPriority ? 'control' : 'work';
}
