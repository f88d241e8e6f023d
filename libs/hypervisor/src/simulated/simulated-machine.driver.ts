import { randomUUID } from 'node:crypto';
import { derivedId } from '@drover/domain-kit';
import type { VmId } from '@drover/contracts';
import type { HypervisorSignal } from '../hypervisor.port.js';
import {
  defaultHardware,
  heldMemoryMiB,
  isActive,
  volumeKey,
  type ForeignDomain,
  type SimulatedChange,
  type SimulatedDomain,
  type SimulatedHardware,
  type SimulatedImage,
  type SimulatedMachineStore,
  type SimulatedSignalCause,
  type SimulatedVolume,
} from './simulated-machine.state.js';

/**
 * A host as it is without Drover: its domains and volumes, which go on when agent or daemon are gone, and what guests and
 * people with other tools do to them. Drivers attach to it like connections to libvirtd.
 */
export class SimulatedMachine {
  readonly hardware: SimulatedHardware;
  readonly #domains = new Map<string, SimulatedDomain>();
  readonly #volumes = new Map<string, SimulatedVolume>();
  readonly #store: SimulatedMachineStore | undefined;
  readonly #listeners = new Set<(signal: HypervisorSignal) => void>();
  readonly #lostPools = new Set<string>();
  #isDaemonUp = true;
  #pools: SimulatedHardware['pools'];
  #images: SimulatedHardware['images'];

  constructor(hardware: Partial<SimulatedHardware> = {}, store?: SimulatedMachineStore) {
    this.hardware = { ...defaultHardware, ...hardware };
    this.#pools = this.hardware.pools;
    this.#images = this.hardware.images;
    this.#store = store;
    const kept = store?.load();
    for (const domain of kept?.domains ?? []) this.#domains.set(domain.uuid, domain);
    for (const volume of kept?.volumes ?? []) this.#volumes.set(volumeKey(volume.pool, volume.name), volume);
  }

  /** Its machine id, as `/etc/machine-id` has it: follows from the host's name. */
  get machineId(): string {
    return derivedId(this.hardware.name, 'machine').replaceAll('-', '');
  }

  /** As its kernel has it: the machine boots once and goes on. */
  get bootId(): string {
    return derivedId(this.hardware.name, 'boot');
  }

  get isDaemonUp(): boolean {
    return this.#isDaemonUp;
  }

  get pools(): SimulatedHardware['pools'] {
    return this.#pools;
  }

  get images(): SimulatedHardware['images'] {
    return this.#images;
  }

  hasPool(name: string): boolean {
    return this.#pools.some((pool) => pool.name === name);
  }

  isActivePool(name: string): boolean {
    return this.hasPool(name) && !this.#lostPools.has(name);
  }

  domains(): Iterable<SimulatedDomain> {
    return this.#domains.values();
  }

  domain(uuid: string): SimulatedDomain | undefined {
    return this.#domains.get(uuid);
  }

  volumes(): Iterable<SimulatedVolume> {
    return this.#volumes.values();
  }

  volume(pool: string, name: string): SimulatedVolume | undefined {
    return this.#volumes.get(volumeKey(pool, name));
  }

  availableMiB(pool: string): number {
    let available = this.#pools.find(({ name }) => name === pool)?.capacityMiB ?? 0;
    for (const volume of this.#volumes.values()) if (volume.pool === pool) available -= volume.sizeMiB;
    return available;
  }

  usedMemoryMiB(): number {
    let used = 0;
    for (const domain of this.#domains.values()) if (isActive(domain.powerState)) used += heldMemoryMiB(domain);
    return used;
  }

  /** Signals reach the listener as they happen, before the call that caused them returns. */
  attach(listener: (signal: HypervisorSignal) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  // What a driver does.

  putDomain(domain: SimulatedDomain): void {
    this.#domains.set(domain.uuid, domain);
    this.#store?.putDomain(domain);
  }

  removeDomain(uuid: string): void {
    this.#domains.delete(uuid);
    this.#store?.removeDomain(uuid);
  }

  putVolume(volume: SimulatedVolume): void {
    this.#volumes.set(volumeKey(volume.pool, volume.name), volume);
    this.#store?.putVolume(volume);
  }

  removeVolume(pool: string, name: string): void {
    this.#volumes.delete(volumeKey(pool, name));
    this.#store?.removeVolume(pool, name);
  }

  /** Changes a domain's power state and tells every driver, as libvirt tells every connection. */
  change(
    uuid: string,
    powerState: SimulatedDomain['powerState'],
    change: SimulatedChange,
    cause: SimulatedSignalCause,
  ): void {
    const domain = this.#existing(uuid);
    const boots = change === 'started' || change === 'rebooted' ? domain.boots + 1 : domain.boots;
    const { isIoError: _io, isUntracked: _untracked, stopCause: _cause, startedWithMemoryMiB, ...defined } = domain;
    this.putDomain({
      ...defined,
      // A start takes the definition as it is; until then, what runs keeps what it was started with.
      ...(change === 'started' || startedWithMemoryMiB === undefined ? {} : { startedWithMemoryMiB }),
      ...(change === 'io-error' ? { isIoError: true } : {}),
      ...(isActive(powerState) ? {} : { stopCause: cause }),
      powerState,
      boots,
    });
    this.#tellChange(domain, powerState, change, cause);
  }

  tellRemoved(domain: SimulatedDomain): void {
    this.#tellChange(domain, 'ABSENT', 'removed', 'outside');
  }

  // What guests do.

  guestShutsDown(vmId: VmId): void {
    if (isActive(this.#existing(vmId).powerState)) this.change(vmId, 'STOPPED', 'stopped', 'guest');
  }

  guestReboots(vmId: VmId): void {
    if (isActive(this.#existing(vmId).powerState)) this.change(vmId, 'RUNNING', 'rebooted', 'guest');
  }

  guestCrashes(vmId: VmId): void {
    this.change(vmId, 'CRASHED', 'crashed', 'crash');
  }

  guestIgnoresAcpi(vmId: VmId, ignoresAcpi = true): void {
    this.putDomain({ ...this.#existing(vmId), ignoresAcpi });
  }

  diskFails(vmId: VmId): void {
    this.change(vmId, 'PAUSED', 'io-error', 'host');
  }

  /** Its hypervisor process stops answering, as after SIGSTOP; `thaw` lets it go on. */
  hang(vmId: VmId): void {
    this.putDomain({ ...this.#existing(vmId), powerState: 'UNRESPONSIVE' });
  }

  thaw(vmId: VmId): void {
    this.putDomain({ ...this.#existing(vmId), powerState: 'RUNNING' });
  }

  /** The daemon loses its record of a VM that runs; the process goes on. */
  forgetProcess(vmId: VmId): void {
    this.putDomain({ ...this.#existing(vmId), powerState: 'UNRESPONSIVE', isUntracked: true });
  }

  // What people with other tools do.

  startByHand(vmId: VmId): void {
    this.change(vmId, 'RUNNING', 'started', 'outside');
  }

  destroyBehindBack(vmId: VmId): void {
    this.change(vmId, 'STOPPED', 'stopped', 'outside');
  }

  undefineBehindBack(vmId: VmId): void {
    const domain = this.#existing(vmId);
    this.removeDomain(vmId);
    this.tellRemoved(domain);
  }

  /** Changes the persistent definition. */
  edit(vmId: VmId): void {
    const domain = this.#existing(vmId);
    if (domain.settled === undefined) throw new Error(`domain ${vmId} has no definition of ours to edit`);
    const fingerprint = [...domain.settled.fingerprint].reverse().join('');
    this.putDomain({ ...domain, settled: { ...domain.settled, fingerprint } });
  }

  addForeignDomain(foreign: ForeignDomain = {}): string {
    const uuid = foreign.uuid ?? randomUUID();
    this.putDomain({
      uuid,
      title: foreign.title ?? 'foreign',
      vcpus: foreign.vcpus ?? 1,
      memoryMiB: foreign.memoryMiB ?? 128,
      networks: [],
      powerState: foreign.isRunning === false ? 'STOPPED' : 'RUNNING',
      ignoresAcpi: false,
      boots: 1,
      ...(foreign.mark === undefined ? {} : { mark: foreign.mark }),
    });
    return uuid;
  }

  addForeignVolume(pool: string, name: string, sizeMiB = 1): void {
    this.putVolume({ pool, name, sizeMiB });
  }

  /** As when its folder is copied there, in the place of one of this name: nothing tells of it. */
  addImage(image: SimulatedImage): void {
    this.#images = [...this.#images.filter(({ name }) => name !== image.name), image];
  }

  removeImage(name: string): void {
    this.#images = this.#images.filter((image) => image.name !== name);
    this.#tell({ kind: 'inventory-changed' });
  }

  /** Its folder is gone: nothing in it can be reached until it is back. */
  losePool(name: string): void {
    this.#lostPools.add(name);
    this.#tell({ kind: 'inventory-changed' });
  }

  findPool(name: string): void {
    this.#lostPools.delete(name);
    this.#tell({ kind: 'inventory-changed' });
  }

  resizePool(name: string, capacityMiB: number): void {
    this.#pools = this.#pools.map((pool) => (pool.name === name ? { name, capacityMiB } : pool));
    this.#tell({ kind: 'inventory-changed' });
  }

  // What happens to the machine.

  stopDaemon(): void {
    if (!this.#isDaemonUp) return;
    this.#isDaemonUp = false;
    this.#tell({ kind: 'disconnected' });
  }

  /** Signals of the time between are lost, as libvirtd's are. */
  startDaemon(): void {
    if (this.#isDaemonUp) return;
    this.#isDaemonUp = true;
    this.#tell({ kind: 'connected' });
  }

  /** Power is cut and comes back: nothing that the host keeps is lost, and nothing starts by itself. */
  powerCycle(): void {
    this.stopDaemon();
    for (const domain of [...this.#domains.values()]) {
      if (isActive(domain.powerState)) this.putDomain({ ...domain, powerState: 'STOPPED', stopCause: 'host' });
    }
    this.startDaemon();
  }

  #existing(uuid: string): SimulatedDomain {
    const domain = this.#domains.get(uuid);
    if (domain === undefined) throw new Error(`no domain ${uuid} on ${this.hardware.name}`);
    return domain;
  }

  #tellChange(
    domain: SimulatedDomain,
    powerState: SimulatedDomain['powerState'] | 'ABSENT',
    change: SimulatedChange,
    cause: SimulatedSignalCause,
  ): void {
    if (!this.#isDaemonUp || domain.mark === undefined) return;
    this.#tell({ kind: 'vm-changed', vmId: domain.mark.vmId, powerState, change, cause });
  }

  #tell(signal: HypervisorSignal): void {
    for (const listener of this.#listeners) listener(signal);
  }
}
