import {
  compareCommandOrders,
  type CommandId,
  type CommandOrder,
  type FleetId,
  type HostCommand,
  type HostReport,
  type ReportLane,
  type VmId,
  type VmReport,
  type VolumeRef,
} from '@drover/contracts';
import { assertNever } from '@drover/domain-kit';
import type { CommandProgress } from '../commands/command.process.js';
import { orderOf, raise, type NewestOrder } from '../taking/take-command.decider.js';

/** A report that waits until it is acknowledged. */
export interface QueuedReport {
  readonly sequence: number;
  /** ISO 8601 UTC, by this host's clock: information only. */
  readonly at: string;
  readonly report: VmReport | HostReport;
}

export interface TakenCommand {
  readonly command: HostCommand;
  readonly progress?: CommandProgress;
}

/** What the agent writes down, in the order it happened. */
export type JournalChange =
  | { readonly kind: 'registered'; readonly fleetId: FleetId; readonly journalEpoch: number }
  /** The file is an older copy of the journal: from here on it is another one, and what it had to report is history. */
  | { readonly kind: 'renewed'; readonly journalId: string }
  | { readonly kind: 'raised'; readonly vmId: VmId; readonly order: CommandOrder }
  /** Down to what the store says, on an operator's word. */
  | { readonly kind: 'lowered'; readonly vmId: VmId; readonly order: CommandOrder }
  | { readonly kind: 'taken'; readonly command: HostCommand }
  /** Of a command that did not become durable: it may be sent and taken again. */
  | { readonly kind: 'untaken'; readonly command: HostCommand }
  | { readonly kind: 'progressed'; readonly commandId: CommandId; readonly progress: CommandProgress }
  | { readonly kind: 'ended'; readonly commandId: CommandId }
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
  readonly commandId?: CommandId;
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
  /** Kept after the VM is gone. */
  readonly newest: Map<VmId, NewestOrder>;
  readonly definedFrom: Map<VmId, string>;
  /** By their keys, see `volumeKey`. */
  readonly volumes: Map<VmId, ReadonlyMap<string, OwnVolume>>;
  /** In the order they were taken. */
  readonly commands: Map<CommandId, TakenCommand>;
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
    commands: new Map(),
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
    case 'raised':
      content.newest.set(change.vmId, raise(content.newest.get(change.vmId), change.order));
      return;
    case 'lowered':
      content.newest.set(change.vmId, { order: change.order });
      return;
    case 'taken':
      content.commands.set(change.command.commandId, { command: change.command });
      takeAsNewest(content, change.command);
      return;
    case 'untaken': {
      const { commandId, vmId } = change.command;
      content.commands.delete(commandId);
      if (content.newest.get(vmId)?.commandId === commandId)
        content.newest.set(vmId, { order: orderOf(change.command) });
      return;
    }
    case 'progressed': {
      const taken = content.commands.get(change.commandId);
      if (taken !== undefined) content.commands.set(change.commandId, { ...taken, progress: change.progress });
      return;
    }
    case 'ended':
      content.commands.delete(change.commandId);
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

/** VMs with a command that has no end yet. */
export function orderedVms({ commands }: Readonly<JournalContent>): ReadonlySet<VmId> {
  return new Set([...commands.values()].map(({ command }) => command.vmId));
}

export function volumeKey({ pool, volume }: VolumeRef): string {
  return `${pool}/${volume}`;
}

function putVolume(content: JournalContent, vmId: VmId, volume: OwnVolume): void {
  content.volumes.set(vmId, new Map(content.volumes.get(vmId)).set(volumeKey(volume), volume));
}

function takeAsNewest(content: JournalContent, command: HostCommand): void {
  const { commandId, vmId } = command;
  const order = orderOf(command);
  const newest = content.newest.get(vmId);
  if (newest === undefined || compareCommandOrders(order, newest.order) >= 0)
    content.newest.set(vmId, { order, commandId });
}
