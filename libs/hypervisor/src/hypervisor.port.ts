import type {
  OrderId,
  FleetId,
  Generation,
  HostInventory,
  HostLoad,
  ImageContents,
  ListedDomain,
  PowerState,
  ProjectId,
  SettledDefinition,
  VmId,
  VmSpec,
  VolumeRef,
} from '@drover/contracts';
import type { LeftVolume, SeenVolume, VolumeBook } from './volume-book.port.js';

/** Written into a domain's metadata; tells ours from others' and an old copy from the newest (safety.md 9). */
export interface OwnershipMark {
  readonly fleetId: FleetId;
  readonly vmId: VmId;
  readonly generation: Generation;
  readonly lastOrderId: OrderId;
}

/** What a VM is made from. */
export interface VmDefinition {
  readonly vmId: VmId;
  readonly projectId: ProjectId;
  readonly name: string;
  readonly spec: VmSpec;
  /** As settled by an earlier definition, to be kept. */
  readonly settled?: SettledDefinition;
}

export interface ObservedVm {
  readonly powerState: PowerState;
  /** Absent where there is no domain, or where it is not of a Drover fleet. */
  readonly mark?: OwnershipMark;
  /** The VM's process runs, and the hypervisor's daemon does not know of it. The power state is then `UNRESPONSIVE`. */
  readonly isUntracked?: true;
}

/** What the hypervisor tells by itself, in its own order. It may tell of our own commands too; the agent tells them apart. */
export type HypervisorSignal =
  | {
      readonly kind: 'vm-changed';
      readonly vmId: VmId;
      readonly powerState: PowerState;
      readonly change: 'started' | 'stopped' | 'paused' | 'resumed' | 'rebooted' | 'crashed' | 'removed' | 'io-error';
      readonly cause: 'guest' | 'crash' | 'outside' | 'host';
    }
  /** Signals may have been missed: take a full list. Also sent once after the first connection. */
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected' }
  /** Pools, networks, images or devices changed. */
  | { readonly kind: 'inventory-changed' };

export type HypervisorLoad = Omit<HostLoad, 'hostId' | 'at'>;

/**
 * What a node agent drives: one host's hypervisor.
 *
 * Every method but `reset` is idempotent: done twice it is as done once, so that a command can be taken up again after a
 * crash at any point. Failures are `Fault`s with a hypervisor code of the catalogue; `unknown` where the call may still take effect.
 * Methods for a VM refuse (`DOMAIN_FOREIGN`) a domain that does not carry the mark of this fleet and change nothing.
 * While a process of the VM runs that the daemon does not know, all that make, start or remove refuse (`VM_UNTRACKED`).
 * One hung VM delays no call for another.
 */
export interface Hypervisor {
  readonly kind: HostInventory['hypervisor'];
  /** Connects and begins to signal. The fleet's id is needed before any VM is touched. */
  open(fleetId: FleetId, onSignal: (signal: HypervisorSignal) => void): Promise<void>;
  close(): Promise<void>;
  /** Works before `open`. Labels, zone and reserved memory are the agent's configuration and come from there. */
  inventory(): Promise<Omit<HostInventory, 'labels' | 'zone' | 'reservedMemoryMiB' | 'machineId' | 'name'>>;
  load(): Promise<HypervisorLoad>;
  /** Every domain, ours and others'. */
  list(): Promise<readonly ListedDomain[]>;
  /**
   * MiB of memory that each domain may use now, ours and others', by its libvirt UUID: those that have a process, so also
   * paused and hung ones, by what they were started with. It is asked before every start, so it takes one question however
   * many domains there are.
   */
  heldMemoryMiB(): Promise<ReadonlyMap<string, number>>;
  observe(vmId: VmId): Promise<ObservedVm>;

  /**
   * What the image of this name is, each of its files read to the last byte. Refuses (`IMAGE_NOT_FOUND`, `IMAGE_REFUSED`) what no disk
   * is made of. Each call that makes or defines a disk of an image whose content is named refuses (`IMAGE_CHANGED`) another content.
   */
  inspectImage(name: string): Promise<ImageContents>;

  /**
   * Root and further disks. One that exists and is in the book stays as it is; one that exists and is not in the book is
   * `VOLUME_FOREIGN`, regardless of who made it, and is left alone.
   */
  createVolumes(vm: VmDefinition, book: VolumeBook, onProgress?: (percent: number) => void): Promise<void>;
  /**
   * Deletes exactly these, found by name; one that is not there is done. Those that cannot be reached or removed now, because
   * their pool is not active, say, are returned: the others are gone.
   */
  deleteVolumes(vmId: VmId, volumes: readonly VolumeRef[]): Promise<readonly LeftVolume[]>;
  /** Looks at these, and asks nothing of a pool that cannot be used or may hang: what cannot be seen now is left out. */
  lookAtVolumes(volumes: readonly VolumeRef[]): Promise<readonly SeenVolume[]>;
  /** Defines, or defines again with what was settled before. The VM does not start by itself, now or at boot. */
  define(vm: VmDefinition, mark: OwnershipMark): Promise<SettledDefinition>;
  /** Renews the mark of a VM that is there, running or not. */
  mark(vmId: VmId, mark: OwnershipMark): Promise<void>;
  undefine(vmId: VmId): Promise<void>;

  start(vmId: VmId): Promise<void>;
  /** Asks the guest to power off; returns at once. The stop is signalled and seen by `observe`. */
  requestShutdown(vmId: VmId): Promise<void>;
  /** Stops it now, also where the daemon has forgotten its process. Resolves only when the process is gone. */
  forceStop(vmId: VmId): Promise<void>;
  /** Asks the guest to reboot; returns at once. The reboot is signalled. */
  requestReboot(vmId: VmId): Promise<void>;
  /** As the button of a machine: done twice it is two. An `unknown` outcome is told only where it may have been done. */
  reset(vmId: VmId): Promise<void>;
  pause(vmId: VmId): Promise<void>;
  resume(vmId: VmId): Promise<void>;
}

/** The calls of a driver that can be made to fail, hang or take time. */
export type HypervisorCall = Exclude<keyof Hypervisor, 'kind' | 'open' | 'close'>;

const isCall: Readonly<Record<HypervisorCall, true>> = {
  inventory: true,
  load: true,
  list: true,
  heldMemoryMiB: true,
  observe: true,
  inspectImage: true,
  createVolumes: true,
  deleteVolumes: true,
  lookAtVolumes: true,
  define: true,
  mark: true,
  undefine: true,
  start: true,
  requestShutdown: true,
  forceStop: true,
  requestReboot: true,
  reset: true,
  pause: true,
  resume: true,
};
export const hypervisorCalls = Object.keys(isCall) as readonly HypervisorCall[];
