import {
  DEFAULT_PROJECT,
  positionSchema,
  projectIdSchema,
  vmSpecSchema,
  type Actor,
  type CommandId,
  type EventId,
  type Generation,
  type HostId,
  type OperationId,
  type ReportSource,
  type ReservationId,
  type SettledDefinition,
  type StoredVmEvent,
  type VmFact,
  type VmId,
  type VmSpecInput,
} from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';

/** A UUID that says what it stands for: the same name gives the same id. */
function named<Id extends string>(name: string): Id {
  return derivedId('spec', name) as Id;
}

export const hostA = named<HostId>('host a');
export const hostB = named<HostId>('host b');
export const hostC = named<HostId>('host c');
export const command = (name: string) => named<CommandId>(`command ${name}`);
/** The operation that the command of this name begins. */
export const operationOf = (name: string) => derivedId(command(name), 'operation') as OperationId;
export const vmOf = (name: string) => derivedId(command(name), 'vm') as VmId;
export const vmId = vmOf('create');
export const otherProject = projectIdSchema.parse('other');
export const user: Actor = { kind: 'user', id: 'ada' };

export const firstGeneration: Generation = { epoch: 1, n: 1 };

export function spec(input: VmSpecInput = {}) {
  return vmSpecSchema.parse(input);
}

export function source(sequence: number, hostId: HostId = hostA, journalEpoch = 1): ReportSource {
  return { hostId, journalEpoch, sequence };
}

export const definition: SettledDefinition = {
  machineType: 'pc-q35-7.2',
  cpuModel: 'qemu64',
  accelerator: 'simulated',
  nics: [],
  disks: [],
  fingerprint: 'a'.repeat(64),
};

const observed = (sequence: number) => ({ hostId: hostA, generation: firstGeneration, source: source(sequence) });

/** Facts of one VM on host a, as the events of a well-behaved life hold them. */
export const fact = {
  requested: (powerOn = true, input: VmSpecInput = {}): VmFact => ({
    type: 'VmRequested',
    data: { vmId, projectId: DEFAULT_PROJECT, name: 'web', spec: spec(input), powerOn },
  }),
  began: (
    name: string,
    kind: Extract<VmFact, { type: 'OperationBegan' }>['data']['kind'],
    timeoutMs = 60_000,
    supersedes?: OperationId,
  ): VmFact => ({
    type: 'OperationBegan',
    data: { operationId: operationOf(name), kind, timeoutMs, ...(supersedes === undefined ? {} : { supersedes }) },
  }),
  placed: (hostId = hostA, generation = firstGeneration, runnersUp: readonly HostId[] = []): VmFact => ({
    type: 'VmPlaced',
    data: {
      hostId,
      generation,
      reservationId: named<ReservationId>(`reservation ${hostId}`),
      score: { total: 1, parts: { free: 1 } },
      runnersUp: runnersUp.map((candidate) => ({ hostId: candidate, score: { total: 0, parts: {} } })),
    },
  }),
  defined: (sequence: number, fingerprint = definition.fingerprint): VmFact => ({
    type: 'VmDefined',
    data: { ...observed(sequence), definition: { ...definition, fingerprint } },
  }),
  started: (sequence: number): VmFact => ({ type: 'VmStarted', data: { ...observed(sequence), cause: 'user' } }),
  stopped: (sequence: number): VmFact => ({
    type: 'VmStopped',
    data: { ...observed(sequence), cause: 'user', wasForced: false },
  }),
  paused: (sequence: number): VmFact => ({
    type: 'VmPaused',
    data: { ...observed(sequence), cause: 'user', isIoError: false },
  }),
  startRequested: (): VmFact => ({ type: 'VmStartRequested', data: {} }),
  stopRequested: (mode: 'graceful' | 'force' = 'graceful', gracePeriodMs = 30_000): VmFact => ({
    type: 'VmStopRequested',
    data: { mode, gracePeriodMs },
  }),
  pauseRequested: (): VmFact => ({ type: 'VmPauseRequested', data: {} }),
  deleteRequested: (): VmFact => ({ type: 'VmDeleteRequested', data: {} }),
  succeeded: (name: string): VmFact => ({ type: 'OperationSucceeded', data: { operationId: operationOf(name) } }),
  cancelled: (name: string, by: 'user' | 'superseded' = 'user', supersededBy?: OperationId): VmFact => ({
    type: 'OperationCancelled',
    data: {
      operationId: operationOf(name),
      by,
      ...(supersededBy === undefined ? {} : { supersededBy }),
      undone: [],
      left: [],
    },
  }),
  deleted: (sequence?: number): VmFact => ({
    type: 'VmDeleted',
    data: sequence === undefined ? {} : { source: source(sequence) },
  }),
};

/** Histories up to a state, oldest fact first. */
export const history = {
  requested: (powerOn = true): readonly VmFact[] => [
    fact.requested(powerOn),
    fact.began('create', 'vm.create', 600_000),
  ],
  placed: (powerOn = true, runnersUp: readonly HostId[] = []): readonly VmFact[] => [
    ...history.requested(powerOn),
    fact.placed(hostA, firstGeneration, runnersUp),
  ],
  running: (): readonly VmFact[] => [...history.placed(), fact.defined(1), fact.started(1), fact.succeeded('create')],
  stopped: (): readonly VmFact[] => [...history.placed(false), fact.defined(1), fact.succeeded('create')],
  paused: (): readonly VmFact[] => [
    ...history.running(),
    fact.pauseRequested(),
    fact.began('pause', 'vm.pause'),
    fact.paused(2),
    fact.succeeded('pause'),
  ],
};

export const RECORDED_AT_MS = Date.parse('2026-01-01T00:00:00.000Z');

/** A fact as the store gives it; one second lies between an event and the next. */
export function stored(fact: VmFact, revision: number): StoredVmEvent {
  const at = new Date(RECORDED_AT_MS + revision * 1000).toISOString();
  return {
    id: derivedId(`${vmId}/${revision}`, fact.type) as EventId,
    stream: `vm-${vmId}`,
    revision,
    position: positionSchema.parse(String(revision + 1)),
    recordedAt: at,
    type: fact.type,
    schemaVersion: 1,
    data: fact.data,
    meta: { at, actor: user },
  } as StoredVmEvent;
}
