import {
  isVmPowerFact,
  isVmWish,
  streamSubjectId,
  type ClusterId,
  type Demand,
  type HostId,
  type HostInventory,
  type OperationId,
  type ReservationId,
  type StoredHostEvent,
  type StoredVmEvent,
  type VmId,
} from '@drover/contracts';
import { assertNever } from '@drover/domain-kit';
import { demandOf } from './demand.js';
import { PersistentMap } from './persistent-map.js';
import { NO_USAGE, usageWith, usageWithout, type Usage } from './usage.js';

export interface FleetHost {
  readonly hostId: HostId;
  /** Cluster, zone and labels are the operator's word. */
  readonly clusterId: ClusterId;
  readonly zone: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly inventory: HostInventory;
  /** Of the inventory, for looking up by name. */
  readonly pools: ReadonlyMap<string, HostInventory['pools'][number]>;
  readonly networks: ReadonlySet<string>;
  readonly images: ReadonlyMap<string, HostInventory['images'][number]>;
  /** Usable in full; undefined where the host could not say. */
  readonly cpuModels: ReadonlySet<string> | undefined;
  /** Of the machine type that a new VM gets; undefined where the host could not say. */
  readonly maxVcpus: number | undefined;
  readonly isCordoned: boolean;
  /** An operator has revoked its credentials. */
  readonly isShutOut: boolean;
  /** Silent. Its VMs stay counted: silence proves nothing. */
  readonly isSuspected: boolean;
  /** Its agent answers and its hypervisor does not. */
  readonly isHypervisorLost: boolean;
  readonly usage: Usage;
}

/** Where a VM was placed, and by which reservation. */
export interface VmPlacement {
  readonly hostId: HostId;
  readonly reservationId: ReservationId;
}

/**
 * A VM and what it takes of its host.
 *
 * A placed VM counts whether it runs or not: it is started where it is, without asking for a place again, so room that
 * was given away while it was stopped would make that start fail. It counts until it is deleted, also after a create that
 * failed: what a host may still hold is not free.
 */
export interface FleetVm {
  readonly vmId: VmId;
  readonly demand: Demand;
  readonly placement?: VmPlacement;
  /** Its volumes are there; their space is no longer a promise. */
  readonly isDefined: boolean;
  /** The operation that asks for a place for it, while that goes on. */
  readonly placingOperationId?: OperationId;
}

/** Every host and VM of the fleet, with what is used of each host kept up to date: O(log n) an event, no rescans. */
export interface FleetState {
  readonly hosts: PersistentMap<HostId, FleetHost>;
  readonly vms: PersistentMap<VmId, FleetVm>;
  /** VMs whose create goes on and that have no place yet: the only ones for which a reservation can be of use. */
  readonly awaitingPlacement: PersistentMap<VmId, true>;
  /** Usage of hosts that VMs were placed on before the host itself was heard of. */
  readonly unregisteredUsage: PersistentMap<HostId, Usage>;
}

export const emptyFleet: FleetState = {
  hosts: PersistentMap.empty(),
  vms: PersistentMap.empty(),
  awaitingPlacement: PersistentMap.empty(),
  unregisteredUsage: PersistentMap.empty(),
};

/** Folds one event of a `vm-*` or `host-*` stream; in order of position. */
export function evolveFleet(state: FleetState, event: StoredVmEvent | StoredHostEvent): FleetState {
  // A stopped VM takes as much of its host as one that runs.
  if (isVmWish(event) || isVmPowerFact(event)) return state;
  switch (event.type) {
    case 'HostRegistered':
      return withRegistration(state, event.data);
    case 'HostInventoryChanged':
      return withHost(state, event.data.hostId, (host) => ({ ...host, ...indexed(event.data.inventory) }));
    case 'HostCordoned':
      return withHost(state, event.data.hostId, (host) => ({ ...host, isCordoned: true }));
    case 'HostUncordoned':
      return withHost(state, event.data.hostId, (host) => ({ ...host, isCordoned: false }));
    case 'HostCredentialsRevoked':
      return withHost(state, event.data.hostId, (host) => ({ ...host, isShutOut: true }));
    case 'HostReadmitted':
      return withHost(state, event.data.hostId, (host) => ({ ...host, isShutOut: false }));
    case 'HostSuspected':
      return withHost(state, event.data.hostId, (host) => ({ ...host, isSuspected: true }));
    case 'HostReturned':
      return withHost(state, event.data.hostId, (host) => ({ ...host, isSuspected: false }));
    case 'HostHypervisorLost':
      return withHost(state, event.data.hostId, (host) => ({ ...host, isHypervisorLost: true }));
    case 'HostHypervisorReturned':
      return withHost(state, event.data.hostId, (host) => ({ ...host, isHypervisorLost: false }));
    case 'HostLabelsChanged':
      return withHost(state, event.data.hostId, (host) => ({ ...host, labels: event.data.labels }));
    case 'HostZoneChanged':
      return withHost(state, event.data.hostId, (host) => ({ ...host, zone: event.data.zone }));
    case 'HostClusterChanged':
      return withHost(state, event.data.hostId, (host) => ({ ...host, clusterId: event.data.clusterId }));
    case 'VmRequested':
      return {
        ...state,
        vms: state.vms.set(event.data.vmId, {
          vmId: event.data.vmId,
          demand: demandOf(event.data.spec),
          isDefined: false,
        }),
        awaitingPlacement: state.awaitingPlacement.set(event.data.vmId, true),
      };
    case 'OperationBegan':
      return withOperationBegun(state, event);
    case 'VmPlaced':
      return withPlacement(state, event, { hostId: event.data.hostId, reservationId: event.data.reservationId });
    case 'VmPlacementFailed':
      return withoutPlacement(state, event);
    case 'VmDefined':
      return withDefinition(state, event);
    case 'OperationSucceeded':
    case 'OperationFailed':
    case 'OperationCancelled':
      return withOperationEnded(state, event, event.data.operationId);
    case 'VmDeleted':
      return withoutVm(state, event);
    case 'OperationCancelRequested':
    case 'OperationDelayed':
    case 'VmDriftFound':
    case 'VmDriftSettled':
    case 'VmOrderLoweringRequested':
    case 'HostRebooted':
    case 'HostAgentStarted':
    case 'HostAgentStopped':
    case 'HostCloneRefused':
    case 'HostCloneGone':
      return state;
    default:
      return assertNever(event);
  }
}

type VmEvent<Type extends StoredVmEvent['type']> = Extract<StoredVmEvent, { readonly type: Type }>;

/** Few events of a VM repeat its id in their data; the stream always tells it. */
function vmIdOf(event: Pick<StoredVmEvent, 'stream'>): VmId {
  return streamSubjectId(event.stream) as VmId;
}

type Indexed = Pick<FleetHost, 'inventory' | 'pools' | 'networks' | 'images' | 'cpuModels' | 'maxVcpus'>;

function indexed(inventory: HostInventory): Indexed {
  const { offers } = inventory;
  return {
    inventory,
    pools: new Map(inventory.pools.map((pool) => [pool.name, pool])),
    networks: new Set(inventory.networks),
    images: new Map(inventory.images.map((image) => [image.name, image])),
    cpuModels: offers === undefined ? undefined : new Set(offers.cpuModels),
    maxVcpus: offers?.machines.find(({ type }) => type === offers.newMachine)?.maxVcpus,
  };
}

/** Registering anew (a new journal, another version of the agent) changes only what the host says of itself. */
function withRegistration(
  state: FleetState,
  data: Extract<StoredHostEvent, { readonly type: 'HostRegistered' }>['data'],
): FleetState {
  const known = state.hosts.get(data.hostId);
  const joining = {
    hostId: data.hostId,
    clusterId: data.clusterId,
    zone: null,
    labels: {},
    isCordoned: false,
    isShutOut: false,
    isSuspected: false,
    isHypervisorLost: false,
    usage: state.unregisteredUsage.get(data.hostId) ?? NO_USAGE,
  };
  const host: FleetHost = { ...(known ?? joining), ...indexed(data.inventory) };
  return {
    ...state,
    hosts: state.hosts.set(data.hostId, host),
    unregisteredUsage: state.unregisteredUsage.delete(data.hostId),
  };
}

function withHost(state: FleetState, hostId: HostId, change: (host: FleetHost) => FleetHost): FleetState {
  const host = state.hosts.get(hostId);
  return host === undefined ? state : { ...state, hosts: state.hosts.set(hostId, change(host)) };
}

function withPlacement(state: FleetState, event: VmEvent<'VmPlaced'>, placement: VmPlacement): FleetState {
  const vm = state.vms.get(vmIdOf(event));
  if (vm === undefined) return state;
  const { placement: before, ...rest } = vm;
  const placed: FleetVm = { ...rest, placement };
  const left = before === undefined ? state : withUsage(state, before.hostId, (usage) => usageWithout(usage, vm));
  const taken = withUsage(left, placement.hostId, (usage) => usageWith(usage, placed));
  return {
    ...taken,
    vms: taken.vms.set(vm.vmId, placed),
    awaitingPlacement: taken.awaitingPlacement.delete(vm.vmId),
  };
}

/** Creates ask for a place, and starts of VMs that have none. */
function withOperationBegun(state: FleetState, event: VmEvent<'OperationBegan'>): FleetState {
  const { kind, operationId } = event.data;
  const vm = state.vms.get(vmIdOf(event));
  const isPlacing = kind === 'vm.create' || (kind === 'vm.start' && vm?.placement === undefined);
  if (vm === undefined || !isPlacing) return state;
  return {
    ...state,
    vms: state.vms.set(vm.vmId, { ...vm, placingOperationId: operationId }),
    awaitingPlacement: state.awaitingPlacement.set(vm.vmId, true),
  };
}

/** The host that was chosen holds nothing of the VM any more. While its operation is open, another one is asked for. */
function withoutPlacement(state: FleetState, event: VmEvent<'VmPlacementFailed'>): FleetState {
  const vm = state.vms.get(vmIdOf(event));
  if (vm === undefined) return state;
  const { placement, ...rest } = vm;
  const freed =
    placement === undefined ? state : withUsage(state, placement.hostId, (usage) => usageWithout(usage, vm));
  return {
    ...freed,
    vms: freed.vms.set(vm.vmId, rest),
    awaitingPlacement:
      vm.placingOperationId === undefined
        ? freed.awaitingPlacement.delete(vm.vmId)
        : freed.awaitingPlacement.set(vm.vmId, true),
  };
}

function withDefinition(state: FleetState, event: VmEvent<'VmDefined'>): FleetState {
  const vm = state.vms.get(vmIdOf(event));
  if (vm === undefined || vm.isDefined) return state;
  const defined: FleetVm = { ...vm, isDefined: true };
  const counted =
    vm.placement === undefined
      ? state
      : withUsage(state, vm.placement.hostId, (usage) => usageWith(usageWithout(usage, vm), defined));
  return { ...counted, vms: counted.vms.set(vm.vmId, defined) };
}

function withOperationEnded(
  state: FleetState,
  event: Pick<StoredVmEvent, 'stream'>,
  operationId: OperationId,
): FleetState {
  const vm = state.vms.get(vmIdOf(event));
  if (vm === undefined || vm.placingOperationId !== operationId) return state;
  const { placingOperationId: _, ...rest } = vm;
  return { ...state, vms: state.vms.set(vm.vmId, rest), awaitingPlacement: state.awaitingPlacement.delete(vm.vmId) };
}

function withoutVm(state: FleetState, event: VmEvent<'VmDeleted'>): FleetState {
  const vm = state.vms.get(vmIdOf(event));
  if (vm === undefined) return state;
  const freed =
    vm.placement === undefined ? state : withUsage(state, vm.placement.hostId, (usage) => usageWithout(usage, vm));
  return { ...freed, vms: freed.vms.delete(vm.vmId), awaitingPlacement: freed.awaitingPlacement.delete(vm.vmId) };
}

function withUsage(state: FleetState, hostId: HostId, change: (usage: Usage) => Usage): FleetState {
  if (state.hosts.has(hostId)) return withHost(state, hostId, (host) => ({ ...host, usage: change(host.usage) }));
  const usage = change(state.unregisteredUsage.get(hostId) ?? NO_USAGE);
  return { ...state, unregisteredUsage: state.unregisteredUsage.set(hostId, usage) };
}
