import {
  START,
  type DriftKind,
  type Generation,
  type HostId,
  type OperationId,
  type OperationKind,
  type OrderId,
  type Position,
  type PowerState,
  type ProjectId,
  type ReportSource,
  type SettledDefinition,
  type VmFact,
  type VmId,
  type VmSpec,
  type VmWish,
} from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import type { Cause } from '@drover/operations';

/** What was asked, as the newest `…Requested` event says it. */
export type Wish = { readonly kind: 'create'; readonly powerOn: boolean } | VmWish;

export interface OpenOperation {
  readonly operationId: OperationId;
  readonly kind: OperationKind;
  readonly wish: Wish;
  /** The newest event that the next step follows from: the wish, then the placement. */
  readonly cause: Cause;
  /** `recordedAt` of `OperationBegan`, milliseconds since the Unix epoch. */
  readonly beganAtMs: number;
  readonly timeoutMs: number;
  readonly traceparent?: string;
  /** Whether `VmPlaced` follows from this very operation. */
  readonly isPlaced: boolean;
  /** Hosts still to be tried, best first, where the one that was chosen refuses. */
  readonly runnersUp: readonly HostId[];
  /** How often no host was found, or the one that was chosen refused. */
  readonly refusals: number;
  /** Hosts that refused it and have nothing of it, first refusal first. */
  readonly refused: readonly RefusedHost[];
  /** How often its host could not reach its hypervisor and is asked again. */
  readonly delays: number;
  /** It has been told that its time passed while its host was not heard. */
  readonly isUnheard: boolean;
  /** What has been done is being undone. */
  readonly undoing?: { readonly because: 'user' | 'overdue'; readonly cause: Cause; readonly atMs: number };
}

export type RefusedHost = NonNullable<Extract<VmFact, { type: 'VmPlacementFailed' }>['data']['refused']>;

export interface Drift {
  readonly hostId: HostId;
  readonly kind: DriftKind;
}

/** The VM as it was asked for; there from `VmRequested` on, also after its end. */
export interface VmIdentity {
  readonly vmId: VmId;
  readonly projectId: ProjectId;
  readonly name: string;
  readonly spec: VmSpec;
}

/** How many operations a repeat is recognised among; the store recognises older ones by their event ids. */
export const KNOWN_OPERATIONS = 16;

/** An operation that is known to have been asked for, so that a repeat of its command is recognised. */
export interface KnownOperation {
  readonly operationId: OperationId;
  readonly isCancelled: boolean;
  /** What was asked; absent where no command began it. */
  readonly requestDigest?: string;
}

/** The fold of one `vm-*` stream: what decisions about the VM need, and nothing else. */
export interface VmState {
  /** Of the last event, -1 before the first. */
  readonly revision: number;
  readonly position: Position;
  /** `unknown`: never requested here. */
  readonly phase: 'unknown' | 'present' | 'deleted';
  readonly identity?: VmIdentity;
  readonly desired: 'RUNNING' | 'STOPPED' | 'PAUSED' | 'ABSENT';
  /** Absent before the first definition. */
  readonly observed?: Extract<PowerState, 'STOPPED' | 'RUNNING' | 'PAUSED'>;
  /** The newest the VM was given; kept when it loses its host. */
  readonly generation?: Generation;
  /** Absent before placement. A stopped VM stays with its host. */
  readonly hostId?: HostId;
  readonly definition?: SettledDefinition;
  readonly wish?: { readonly wish: Wish; readonly cause: Cause };
  readonly operation?: OpenOperation;
  /** The newest ones, newest last. */
  readonly knownOperations: readonly KnownOperation[];
  /** The newest report that a fact came from, per host. */
  readonly sources: readonly ReportSource[];
  readonly drift: readonly Drift[];
  /** Orders that remove the VM, whatever became of their operations. */
  readonly removals: readonly OrderId[];
  /** The undo of a create that ended before its host confirmed it: the VM is taken back as soon as the host answers. */
  readonly owedUndo?: { readonly operationId: OperationId; readonly cause: Cause };
}

export const initialState: VmState = {
  revision: -1,
  position: START,
  phase: 'unknown',
  desired: 'STOPPED',
  knownOperations: [],
  sources: [],
  drift: [],
  removals: [],
};

/** The id of the order to a host that follows from an event; a repeat of it is recognised by this id. */
export function hostOrderId(cause: Cause): OrderId {
  return derivedId(cause.eventId, 'host-order') as OrderId;
}

/** Whether a report about the VM is older than, or the same as, one that a known fact came from (safety.md 12). */
export function isOldReport(state: VmState, source: ReportSource): boolean {
  const newest = state.sources.find((known) => known.hostId === source.hostId);
  return newest !== undefined && compareReports(source, newest) <= 0;
}

/** Which of two reports of one host is the later: above 0 where the first is. */
export function compareReports(a: ReportSource, b: ReportSource): number {
  return a.journalEpoch - b.journalEpoch || a.sequence - b.sequence;
}

/** Whether the VM has been made: its host told of its definition, or of its power state. */
export function isMade({ definition, observed }: VmState): boolean {
  return definition !== undefined || observed !== undefined;
}
