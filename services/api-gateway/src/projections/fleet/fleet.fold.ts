import {
  hostKind,
  isKnownEvent,
  kindOfStream,
  streamSubjectId,
  vmKind,
  type HostId,
  type OperationId,
  type StoredEvent,
  type StoredHostEvent,
  type StoredVmEvent,
  type StrayVm,
  type VmId,
  type HostView,
  type OperationView,
  type VmView,
} from '@drover/contracts';
import { evolveHost } from './host-view.state.js';
import { evolveOperation, isOperationEvent } from './operation-view.state.js';
import { evolveVm } from './vm-view.state.js';

/** The part of the fleet that a batch of events touches. */
export interface FleetFold {
  readonly vms: Map<VmId, VmView>;
  readonly operations: Map<OperationId, OperationView>;
  readonly hosts: Map<HostId, HostView>;
  /** By `strayKey`; null where it has been settled. */
  readonly strays: Map<string, StrayVm | null>;
}

export interface TouchedIds {
  readonly vms: ReadonlySet<VmId>;
  readonly operations: ReadonlySet<OperationId>;
  readonly hosts: ReadonlySet<HostId>;
}

export function emptyFold(): FleetFold {
  return { vms: new Map(), operations: new Map(), hosts: new Map(), strays: new Map() };
}

/** What must be read before these events can be folded. */
export function touchedBy(events: readonly StoredEvent[]): TouchedIds {
  const touched = { vms: new Set<VmId>(), operations: new Set<OperationId>(), hosts: new Set<HostId>() };
  for (const event of events) {
    if (isVmEvent(event)) {
      touched.vms.add(streamSubjectId(event.stream) as VmId);
      if (isOperationEvent(event)) touched.operations.add(event.data.operationId);
    } else if (isHostEvent(event)) {
      touched.hosts.add(streamSubjectId(event.stream) as HostId);
    }
  }
  return touched;
}

/** Folds one event that this code knows. Others of the store (`cluster-…`) change nothing here. */
export function fold(fleet: FleetFold, event: StoredEvent): void {
  if (isVmEvent(event)) foldVm(fleet, event);
  else if (isHostEvent(event)) foldHost(fleet, event);
}

function foldVm(fleet: FleetFold, event: StoredVmEvent): void {
  const vmId = streamSubjectId(event.stream) as VmId;
  const before = fleet.vms.get(vmId);
  const vm = evolveVm(before, event);
  if (vm !== undefined) fleet.vms.set(vmId, vm);
  if (vm === undefined || vm.deletedAt !== null) foldStrays(fleet, vmId, before, event);
  if (!isOperationEvent(event)) return;
  const { operationId } = event.data;
  const operation = evolveOperation(fleet.operations.get(operationId), event, vm);
  if (operation !== undefined) fleet.operations.set(operationId, operation);
}

/**
 * Drift of a VM that is not there, because the store never knew it or because it was deleted: no list of VMs shows it, so it is
 * told of by the host. What a VM leaves behind at its deletion stays drift of its host.
 */
function foldStrays(fleet: FleetFold, vmId: VmId, before: VmView | undefined, event: StoredVmEvent): void {
  const found = (stray: StrayVm) => void fleet.strays.set(strayKey(stray), stray);
  if (event.type === 'VmDriftFound') {
    const { hostId, kind, detail, powerState = null } = event.data;
    found({ vmId, hostId, kind, detail, powerState, at: event.recordedAt });
  } else if (event.type === 'VmDriftSettled') {
    fleet.strays.set(strayKey({ vmId, ...event.data }), null);
  } else if (event.type === 'VmDeleted') {
    for (const { kind, hostId, detail, at } of before?.drift ?? []) {
      const isLeft = kind === 'unknown' || kind === 'superseded-copy';
      if (isLeft && hostId !== undefined) found({ vmId, hostId, kind, detail, powerState: null, at });
    }
  }
}

function foldHost(fleet: FleetFold, event: StoredHostEvent): void {
  const hostId = streamSubjectId(event.stream) as HostId;
  const host = evolveHost(fleet.hosts.get(hostId), event);
  if (host !== undefined) fleet.hosts.set(hostId, host);
}

export function strayKey(stray: Pick<StrayVm, 'vmId' | 'hostId' | 'kind'>): string {
  return `${stray.hostId} ${stray.vmId} ${stray.kind}`;
}

export function strayOfKey(key: string): Pick<StrayVm, 'vmId' | 'hostId' | 'kind'> {
  const [hostId, vmId, kind] = key.split(' ') as [HostId, VmId, StrayVm['kind']];
  return { hostId, vmId, kind };
}

export function isVmEvent(event: StoredEvent): event is StoredVmEvent {
  return kindOfStream(event.stream) === vmKind.name && isKnownEvent(event);
}

export function isHostEvent(event: StoredEvent): event is StoredHostEvent {
  return kindOfStream(event.stream) === hostKind.name && isKnownEvent(event);
}
