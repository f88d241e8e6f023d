import {
  clusterIdSchema,
  eventIdSchema,
  hostIdSchema,
  operationIdSchema,
  positionSchema,
  projectIdSchema,
  reservationIdSchema,
  vmIdSchema,
  vmSpecSchema,
  type HostId,
  type HostInventory,
  type HostStreamData,
  type OperationId,
  type ReservationId,
  type StoredEvent,
  type StoredHostEvent,
  type StoredVmEvent,
  type VmId,
  type VmSpecInput,
  type VmStreamData,
} from '@drover/contracts';

/** Events of a small invented fleet, for specs of whatever folds or plans it. Ids are numbers in disguise. */

function uuid(kind: string, n: number): string {
  return `${kind}-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

export const hostId = (n: number): HostId => hostIdSchema.parse(uuid('00000001', n));
export const vmId = (n: number): VmId => vmIdSchema.parse(uuid('00000002', n));
export const reservationId = (n: number): ReservationId => reservationIdSchema.parse(uuid('00000003', n));
export const operationId = (n: number): OperationId => operationIdSchema.parse(uuid('00000004', n));

/** A host of 8 logical CPUs and 16 GiB, one of them kept for itself. */
export function anInventory(changes: Partial<HostInventory> = {}): HostInventory {
  return {
    name: 'host',
    machineId: '0123456789abcdef0123456789abcdef',
    hypervisor: 'simulated',
    accelerator: 'simulated',
    architecture: 'x86_64',
    cpu: { model: 'test', flags: [], sockets: 1, coresPerSocket: 8, threadsPerCore: 1, count: 8, mhz: 2000 },
    memoryMiB: 16_384,
    reservedMemoryMiB: 1024,
    hugePagesMiB: 0,
    numa: [],
    pciDevices: [],
    gpus: [],
    pools: [{ name: 'default', type: 'dir', capacityMiB: 100_000, availableMiB: 50_000 }],
    networks: ['default'],
    images: [{ name: 'guest', format: 'qcow2', virtualSizeMiB: 64 }],
    ...changes,
  };
}

const envelope = {
  id: eventIdSchema.parse(uuid('00000005', 1)),
  revision: 0,
  position: positionSchema.parse('1'),
  recordedAt: '2026-01-01T00:00:00.000Z',
  schemaVersion: 1,
  meta: { at: '2026-01-01T00:00:00.000Z', actor: { kind: 'service', id: 'spec' } },
} as const;

function ofVm<Type extends keyof VmStreamData>(
  vm: VmId,
  type: Type,
  data: VmStreamData[Type],
): StoredEvent<Type, VmStreamData[Type]> {
  return { ...envelope, stream: `vm-${vm}`, type, data };
}

function ofHost<Type extends keyof HostStreamData>(
  host: HostId,
  type: Type,
  data: HostStreamData[Type],
): StoredEvent<Type, HostStreamData[Type]> {
  return { ...envelope, stream: `host-${host}`, type, data };
}

export function hostRegistered(host: HostId, inventory: Partial<HostInventory> = {}): StoredHostEvent {
  return ofHost(host, 'HostRegistered', {
    hostId: host,
    clusterId: clusterIdSchema.parse('default'),
    inventory: anInventory(inventory),
    journalId: 'journal',
    journalEpoch: 1,
    agentVersion: '1.0.0',
    protocolVersion: 1,
    capabilities: [],
    bootNonce: 'boot-1',
  });
}

export function hostInventoryChanged(host: HostId, inventory: Partial<HostInventory>): StoredHostEvent {
  return ofHost(host, 'HostInventoryChanged', { hostId: host, inventory: anInventory(inventory) });
}

export const hostCordoned = (host: HostId): StoredHostEvent =>
  ofHost(host, 'HostCordoned', { hostId: host, by: 'user' });
export const hostUncordoned = (host: HostId): StoredHostEvent => ofHost(host, 'HostUncordoned', { hostId: host });
export const hostSuspected = (host: HostId): StoredHostEvent =>
  ofHost(host, 'HostSuspected', { hostId: host, missedHeartbeats: 3 });
export const hostReturned = (host: HostId): StoredHostEvent => ofHost(host, 'HostReturned', { hostId: host });

export const hostLabelled = (host: HostId, labels: Record<string, string>): StoredHostEvent =>
  ofHost(host, 'HostLabelsChanged', { hostId: host, labels });
export const hostZoned = (host: HostId, zone: string | null): StoredHostEvent =>
  ofHost(host, 'HostZoneChanged', { hostId: host, zone });
export const hostInCluster = (host: HostId, cluster: string): StoredHostEvent =>
  ofHost(host, 'HostClusterChanged', { hostId: host, clusterId: clusterIdSchema.parse(cluster) });
export const hypervisorLost = (host: HostId): StoredHostEvent =>
  ofHost(host, 'HostHypervisorLost', { hostId: host, why: 'libvirtd does not answer' });
export const hypervisorReturned = (host: HostId): StoredHostEvent =>
  ofHost(host, 'HostHypervisorReturned', { hostId: host });

export function vmRequested(vm: VmId, spec: VmSpecInput = {}): StoredVmEvent {
  return ofVm(vm, 'VmRequested', {
    vmId: vm,
    projectId: projectIdSchema.parse('default'),
    name: 'a-vm',
    spec: vmSpecSchema.parse(spec),
    powerOn: true,
  });
}

export const createBegan = (vm: VmId, operation: OperationId): StoredVmEvent =>
  ofVm(vm, 'OperationBegan', { operationId: operation, kind: 'vm.create', timeoutMs: 60_000 });

export const operationFailed = (vm: VmId, operation: OperationId): StoredVmEvent =>
  ofVm(vm, 'OperationFailed', {
    operationId: operation,
    step: 'place',
    code: 'NO_HOST_FITS',
    reason: 'no host fits',
    undone: [],
    left: [],
  });

export function vmPlaced(vm: VmId, host: HostId, reservation: ReservationId = reservationId(1)): StoredVmEvent {
  return ofVm(vm, 'VmPlaced', {
    hostId: host,
    generation: { epoch: 1, n: 1 },
    reservationId: reservation,
    score: { total: 0, parts: {} },
    runnersUp: [],
  });
}

export const vmPlacementFailed = (vm: VmId): StoredVmEvent =>
  ofVm(vm, 'VmPlacementFailed', { counts: {}, nearest: [] });

export function vmDefined(vm: VmId, host: HostId): StoredVmEvent {
  return ofVm(vm, 'VmDefined', {
    hostId: host,
    generation: { epoch: 1, n: 1 },
    source: { hostId: host, journalEpoch: 1, sequence: 1 },
    definition: {
      machineType: 'test',
      cpuModel: 'test',
      accelerator: 'simulated',
      nics: [],
      disks: [],
      fingerprint: '0'.repeat(64),
    },
  });
}

export function vmStopped(vm: VmId, host: HostId): StoredVmEvent {
  return ofVm(vm, 'VmStopped', {
    hostId: host,
    generation: { epoch: 1, n: 1 },
    source: { hostId: host, journalEpoch: 1, sequence: 2 },
    cause: 'user',
    wasForced: false,
  });
}

export const vmDeleted = (vm: VmId): StoredVmEvent => ofVm(vm, 'VmDeleted', {});
