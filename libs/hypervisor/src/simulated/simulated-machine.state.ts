import type { ListedDomain, PowerState, SettledDefinition } from '@drover/contracts';
import type { HypervisorSignal, OwnershipMark } from '../hypervisor.port.js';

/** What a simulated host is made of. */
export interface SimulatedHardware {
  readonly name: string;
  readonly cpuCount: number;
  readonly memoryMiB: number;
  readonly pools: readonly { readonly name: string; readonly capacityMiB: number }[];
  readonly networks: readonly string[];
  readonly images: readonly SimulatedImage[];
}

export interface SimulatedImage {
  readonly name: string;
  readonly sizeMiB: number;
  /** Stands for its bytes: another content is another image. */
  readonly content?: string;
}

export const defaultHardware: SimulatedHardware = {
  name: 'simulated',
  cpuCount: 16,
  memoryMiB: 65_536,
  pools: [{ name: 'default', capacityMiB: 1_048_576 }],
  networks: ['default'],
  images: [{ name: 'guest', sizeMiB: 64 }],
};

/** One domain as the host keeps it: what is left when every driver object is gone. */
export interface SimulatedDomain {
  readonly uuid: string;
  readonly title: string;
  readonly vcpus: number;
  /** Of the definition. */
  readonly memoryMiB: number;
  /** Of the running one, where the definition has changed since it was started. */
  readonly startedWithMemoryMiB?: number;
  readonly networks: readonly string[];
  readonly powerState: Exclude<PowerState, 'ABSENT'>;
  /** Paused because a disk failed. */
  readonly isIoError?: true;
  /** Its process runs and the daemon has forgotten it. */
  readonly isUntracked?: true;
  /** Why it does not run, as far as the daemon remembers. */
  readonly stopCause?: SimulatedSignalCause;
  /** Absent: not of any Drover fleet. */
  readonly mark?: OwnershipMark;
  readonly settled?: SettledDefinition;
  readonly ignoresAcpi: boolean;
  /** How often the guest has booted: by start, reset or reboot. */
  readonly boots: number;
}

export interface SimulatedVolume {
  readonly pool: string;
  readonly name: string;
  readonly sizeMiB: number;
}

/** Where a machine's state outlives the process, for tests that kill it. */
export interface SimulatedMachineStore {
  load(): { readonly domains: readonly SimulatedDomain[]; readonly volumes: readonly SimulatedVolume[] };
  putDomain(domain: SimulatedDomain): void;
  removeDomain(uuid: string): void;
  putVolume(volume: SimulatedVolume): void;
  removeVolume(pool: string, name: string): void;
}

export type SimulatedSignalCause = Extract<HypervisorSignal, { kind: 'vm-changed' }>['cause'];
export type SimulatedChange = Extract<HypervisorSignal, { kind: 'vm-changed' }>['change'];

/** Whether the domain's process exists and so holds its memory. */
export function isActive(powerState: PowerState): boolean {
  return powerState === 'RUNNING' || powerState === 'PAUSED' || powerState === 'UNRESPONSIVE';
}

/** Of a domain that has a process. */
export function heldMemoryMiB({ memoryMiB, startedWithMemoryMiB }: SimulatedDomain): number {
  return startedWithMemoryMiB ?? memoryMiB;
}

export function volumeKey(pool: string, name: string): string {
  return `${pool}/${name}`;
}

export function asListed(domain: SimulatedDomain, fleetId: string | undefined): ListedDomain {
  const base = {
    libvirtUuid: domain.uuid,
    title: domain.title,
    powerState: domain.powerState,
    ...(domain.powerState === 'PAUSED' && domain.isIoError === true ? { isIoError: true } : {}),
    ...(domain.isUntracked === true ? { isUntracked: true } : {}),
    ...(domain.stopCause === undefined ? {} : { stopCause: domain.stopCause }),
    vcpus: domain.vcpus,
    memoryMiB: domain.memoryMiB,
  };
  const mark = domain.mark;
  if (mark === undefined || mark.fleetId !== fleetId) return base;
  return {
    ...base,
    ours: {
      vmId: mark.vmId,
      generation: mark.generation,
      lastOrderId: mark.lastOrderId,
      fingerprint: domain.settled?.fingerprint ?? '',
    },
  };
}

/** A domain that somebody made with another tool. */
export interface ForeignDomain {
  readonly uuid?: string;
  readonly title?: string;
  readonly memoryMiB?: number;
  readonly vcpus?: number;
  readonly isRunning?: boolean;
  /** A mark of another fleet, or an older copy of ours. */
  readonly mark?: OwnershipMark;
}
