import type { VmId, VmSpecInput, VolumeRef } from '@drover/contracts';
import type { Hypervisor, VmDefinition } from '../hypervisor.port.js';

/** One host to try a driver on. VMs of the suite have ids of their own, so the host may be used by others meanwhile. */
export interface HypervisorContractHost {
  /** A new driver on this host, not opened: what an agent has after its restart. */
  connect(): Hypervisor;
  /** A small VM with one disk that this host can run. */
  readonly spec: VmSpecInput;
  /** An image that it has, no larger than 1 MiB as a guest sees it. */
  readonly image: string;
  /** Whether the guest of `spec` powers off and reboots when it is asked. It need not be booted by then. */
  readonly guestObeys: boolean;
  /** Where the volume of a disk is made. */
  volumeOf(vm: VmDefinition, diskName: string): VolumeRef;
  /** What a person does with another tool. */
  readonly outside: {
    start(vmId: VmId): Promise<void>;
    destroy(vmId: VmId): Promise<void>;
    /** Defines a domain without any mark, and does not start it. */
    addForeignDomain(uuid: string): Promise<void>;
    removeForeignDomain(uuid: string): Promise<void>;
    /** Puts a volume into a pool, without telling the driver that manages the pool. */
    putVolume(volume: VolumeRef): Promise<void>;
    hasVolume(volume: VolumeRef): Promise<boolean>;
    removeVolume(volume: VolumeRef): Promise<void>;
    /** Makes the disk of a volume larger. */
    growVolume(volume: VolumeRef, sizeMiB: number): Promise<void>;
    /** The pool's folder is away, and back again. */
    losePool(pool: string): Promise<void>;
    findPool(pool: string): Promise<void>;
    /** Lets the daemon lose its record of a VM that runs: the process goes on. Every driver is told `connected` after it. */
    forgetProcess(vmId: VmId): Promise<void>;
  };
  remove(): Promise<void>;
}
