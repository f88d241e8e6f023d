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
  const vm = evolveVm(fleet.vms.get(vmId), event);
  if (vm !== undefined) fleet.vms.set(vmId, vm);
  else if (event.type === 'VmDriftFound') {
    const { hostId, kind, detail, powerState = null } = event.data;
    const stray: StrayVm = { vmId, hostId, kind, detail, powerState, at: event.recordedAt };
    fleet.strays.set(strayKey(stray), stray);
  } else if (event.type === 'VmDriftSettled') {
    fleet.strays.set(strayKey({ vmId, ...event.data }), null);
  }
  if (!isOperationEvent(event)) return;
  const { operationId } = event.data;
  const operation = evolveOperation(fleet.operations.get(operationId), event, vm);
  if (operation !== undefined) fleet.operations.set(operationId, operation);
}

function foldHost(fleet: FleetFold, event: StoredHostEvent): void {
  const hostId = streamSubjectId(event.stream) as HostId;
  const host = evolveHost(fleet.hosts.get(hostId), event);
  if (host !== undefined) fleet.hosts.set(hostId, host);
}

export function strayKey(stray: Pick<StrayVm, 'vmId' | 'hostId' | 'kind'>): string {
  return `${stray.hostId} ${stray.vmId} ${stray.kind}`;
}

export function isVmEvent(event: StoredEvent): event is StoredVmEvent {
  return kindOfStream(event.stream) === vmKind.name && isKnownEvent(event);
}

export function isHostEvent(event: StoredEvent): event is StoredHostEvent {
  return kindOfStream(event.stream) === hostKind.name && isKnownEvent(event);
}
