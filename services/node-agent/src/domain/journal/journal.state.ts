import {
  compareOrderRanks,
  subjectKey,
  type OrderId,
  type OrderRank,
  type FleetId,
  type HostOrder,
  type HostReport,
  type ReportLane,
  type Subject,
  type SubjectKey,
  type VmId,
  type VmSubject,
  type VmReport,
  type VolumeRef,
} from '@drover/contracts';
import { assertNever } from '@drover/domain-kit';
import type { OrderProgress } from '../orders/order.process.js';
import { rankOf, raise, type NewestOrder } from '../taking/take-order.decider.js';

/** A report that waits until it is acknowledged. */
export interface QueuedReport {
  readonly sequence: number;
  /** ISO 8601 UTC, by this host's clock: information only. */
  readonly at: string;
  readonly report: VmReport | HostReport;
}

export interface TakenOrder {
  readonly order: HostOrder;
  readonly progress?: OrderProgress;
}

/** What the agent writes down, in the order it happened. */
export type JournalChange =
  | { readonly kind: 'registered'; readonly fleetId: FleetId; readonly journalEpoch: number }
  /** The file is an older copy of the journal: from here on it is another one, and what it had to report is history. */
  | { readonly kind: 'renewed'; readonly journalId: string }
  | { readonly kind: 'raised'; readonly subject: Subject; readonly rank: OrderRank }
  /** Down to what the store says, on an operator's word. */
  | { readonly kind: 'lowered'; readonly subject: Subject; readonly rank: OrderRank; readonly orderId?: OrderId }
  | { readonly kind: 'taken'; readonly order: HostOrder }
  /** Of an order that did not become durable: it may be sent and taken again. */
  | { readonly kind: 'untaken'; readonly order: HostOrder }
  | { readonly kind: 'progressed'; readonly orderId: OrderId; readonly progress: OrderProgress }
  | { readonly kind: 'ended'; readonly orderId: OrderId }
  /** The hash of what the VM was last defined from; absent: it is not defined any more. */
  | { readonly kind: 'defined'; readonly vmId: VmId; readonly hash?: string }
  /** A volume that this host is about to make for a VM: written before it is made. */
  | ({ readonly kind: 'volume-made'; readonly vmId: VmId } & Omit<OwnVolume, 'isOwed'>)
  /** It is to be deleted and could not be yet. */
  | ({ readonly kind: 'volume-owed'; readonly vmId: VmId } & VolumeRef)
  | ({ readonly kind: 'volume-gone'; readonly vmId: VmId } & VolumeRef)
  | { readonly kind: 'reported'; readonly lane: ReportLane; readonly report: QueuedReport }
  | { readonly kind: 'acknowledged'; readonly lane: ReportLane; readonly throughSequence: number };

/** A volume that is ours because this host made it: libvirt itself keeps no mark with a volume. */
export interface OwnVolume extends VolumeRef {
  /** Whose undo may remove it. Absent where only vm-manager told of the volume. */
  readonly orderId?: OrderId;
  readonly sizeBytes?: number;
  /** Its VM is gone, and the volume goes as soon as its pool can be reached. */
  readonly isOwed: boolean;
}

export interface LaneContent {
  /** Of the report made last; goes on after restarts. */
  lastSequence: number;
  reports: QueuedReport[];
}

/**
 * Everything the journal of one host holds.
 *
 * It is changed in place: an agent has thousands of VMs, and copying maps would cost more than all its other work.
 */
export interface JournalContent {
  /** Made once with the journal, and anew where its file turns out to be an older copy. */
  journalId: string;
  fleetId: FleetId | undefined;
  journalEpoch: number | undefined;
  /** Kept after the subject is gone. */
  readonly newest: Map<SubjectKey, NewestOrder>;
  readonly definedFrom: Map<VmId, string>;
  /** By their keys, see `volumeKey`. */
  readonly volumes: Map<VmId, ReadonlyMap<string, OwnVolume>>;
  /** In the order they were taken. */
  readonly orders: Map<OrderId, TakenOrder>;
  readonly lanes: Readonly<Record<ReportLane, LaneContent>>;
}

export function emptyJournal(journalId: string): JournalContent {
  return {
    journalId,
    fleetId: undefined,
    journalEpoch: undefined,
    newest: new Map(),
    definedFrom: new Map(),
    volumes: new Map(),
    orders: new Map(),
    lanes: { vm: { lastSequence: 0, reports: [] }, host: { lastSequence: 0, reports: [] } },
  };
}

export function applyChange(content: JournalContent, change: JournalChange): void {
  switch (change.kind) {
    case 'registered':
      content.fleetId = change.fleetId;
      content.journalEpoch = change.journalEpoch;
      return;
    case 'renewed':
      content.journalId = change.journalId;
      content.journalEpoch = undefined;
      for (const lane of Object.values(content.lanes)) {
        lane.reports.length = 0;
        lane.lastSequence = 0;
      }
      return;
    case 'raised': {
      const key = subjectKey(change.subject);
      content.newest.set(key, raise(content.newest.get(key), change.rank));
      return;
    }
    case 'lowered':
      content.newest.set(subjectKey(change.subject), lowest(change));
      return;
    case 'taken':
      content.orders.set(change.order.orderId, { order: change.order });
      takeAsNewest(content, change.order);
      return;
    case 'untaken': {
      const { orderId, subject } = change.order;
      content.orders.delete(orderId);
      const key = subjectKey(subject);
      if (content.newest.get(key)?.orderId === orderId) content.newest.set(key, { rank: rankOf(change.order) });
      return;
    }
    case 'progressed': {
      const taken = content.orders.get(change.orderId);
      if (taken !== undefined) content.orders.set(change.orderId, { ...taken, progress: change.progress });
      return;
    }
    case 'ended':
      content.orders.delete(change.orderId);
      return;
    case 'defined':
      if (change.hash === undefined) content.definedFrom.delete(change.vmId);
      else content.definedFrom.set(change.vmId, change.hash);
      return;
    case 'volume-made': {
      const { kind: _, vmId, ...volume } = change;
      return putVolume(content, vmId, { ...volume, isOwed: false });
    }
    case 'volume-owed': {
      const known = content.volumes.get(change.vmId)?.get(volumeKey(change));
      const { pool, volume } = change;
      return putVolume(content, change.vmId, { ...known, pool, volume, isOwed: true });
    }
    case 'volume-gone': {
      const kept = new Map(content.volumes.get(change.vmId));
      kept.delete(volumeKey(change));
      if (kept.size === 0) content.volumes.delete(change.vmId);
      else content.volumes.set(change.vmId, kept);
      return;
    }
    case 'reported': {
      const lane = content.lanes[change.lane];
      lane.lastSequence = Math.max(lane.lastSequence, change.report.sequence);
      lane.reports.push(change.report);
      return;
    }
    case 'acknowledged': {
      const lane = content.lanes[change.lane];
      const kept = lane.reports.findIndex(({ sequence }) => sequence > change.throughSequence);
      lane.reports.splice(0, kept < 0 ? lane.reports.length : kept);
      return;
    }
    default:
      assertNever(change);
  }
}

/** VMs that have an order without an end. What is asked about images changes nothing, so no table has to tell of it. */
export function orderedSubjects({ orders }: Readonly<JournalContent>): readonly VmSubject[] {
  const subjects = [...orders.values()].flatMap(({ order: { subject } }) => (subject.kind === 'vm' ? [subject] : []));
  return [...new Map(subjects.map((subject) => [subjectKey(subject), subject])).values()];
}

/** The newest order of the subject that has not ended, or whose end waits in the lane: vm-manager does not know that end yet. */
export function newestUnsettled({ orders, lanes }: Readonly<JournalContent>, subject: Subject): OrderRank | undefined {
  const key = subjectKey(subject);
  const underWay = [...orders.values()].map(({ order }) => order);
  const ended = lanes.vm.reports.flatMap(({ report }) => (report.kind === 'order-finished' ? [report] : []));
  return [...underWay, ...ended]
    .filter((order) => subjectKey(order.subject) === key)
    .map(rankOf)
    .sort(compareOrderRanks)
    .at(-1);
}

export function volumeKey({ pool, volume }: VolumeRef): string {
  return `${pool}/${volume}`;
}

function putVolume(content: JournalContent, vmId: VmId, volume: OwnVolume): void {
  content.volumes.set(vmId, new Map(content.volumes.get(vmId)).set(volumeKey(volume), volume));
}

function lowest({ rank, orderId }: NewestOrder): NewestOrder {
  return orderId === undefined ? { rank } : { rank, orderId };
}

function takeAsNewest(content: JournalContent, order: HostOrder): void {
  const { orderId, subject } = order;
  const key = subjectKey(subject);
  const rank = rankOf(order);
  const newest = content.newest.get(key);
  if (newest === undefined || compareOrderRanks(rank, newest.rank) >= 0) content.newest.set(key, { rank, orderId });
}
