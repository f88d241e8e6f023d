import { setTimeout as delay } from 'node:timers/promises';
import {
  vcpuCount,
  type FleetId,
  type ImageContents,
  type ListedDomain,
  type SettledDefinition,
  type VmId,
  type VolumeRef,
  errors,
  Rejected,
} from '@drover/contracts';
import type {
  Hypervisor,
  HypervisorCall,
  HypervisorLoad,
  HypervisorSignal,
  ObservedVm,
  OwnershipMark,
  VmDefinition,
} from '../hypervisor.port.js';
import type { LeftVolume, SeenVolume, VolumeBook } from '../volume-book.port.js';
import { requireFreeMacs, settle } from './settled-definition.policy.js';
import { contentsOf, imageOf } from './simulated-images.js';
import { simulatedInventory, simulatedLoad } from './simulated-host.js';
import { SimulatedFaults } from './simulated-faults.driver.js';
import type { SimulatedMachine } from './simulated-machine.driver.js';
import { makeVolume, missingVolume, seen, whyUnusable } from './simulated-volumes.js';
import { asListed, heldMemoryMiB, isActive, type SimulatedDomain } from './simulated-machine.state.js';

export interface SimulatedHypervisorOptions {
  /** Milliseconds each call takes; none by default, and then no timer is made. */
  readonly latencyMs?: Partial<Record<HypervisorCall, number>>;
  /** Milliseconds between a guest's being asked and its powering off or rebooting. */
  readonly guestDelayMs?: number;
  readonly faults?: SimulatedFaults;
}

/** A driver without a hypervisor: it keeps nothing itself, so an agent that is killed finds its VMs as it left them. */
export class SimulatedHypervisor implements Hypervisor {
  readonly kind = 'simulated';
  readonly machine: SimulatedMachine;
  readonly faults: SimulatedFaults;
  readonly #options: SimulatedHypervisorOptions;
  #fleetId: FleetId | undefined;
  #onSignal: ((signal: HypervisorSignal) => void) | undefined;
  #detach: (() => void) | undefined;

  constructor(machine: SimulatedMachine, options: SimulatedHypervisorOptions = {}) {
    this.machine = machine;
    this.faults = options.faults ?? new SimulatedFaults();
    this.#options = options;
  }

  open(fleetId: FleetId, onSignal: (signal: HypervisorSignal) => void): Promise<void> {
    this.#detach?.();
    this.#fleetId = fleetId;
    this.#onSignal = onSignal;
    this.#detach = this.machine.attach((signal) => this.#onSignal?.(signal));
    if (this.machine.isDaemonUp) queueMicrotask(() => this.#onSignal?.({ kind: 'connected' }));
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#onSignal = undefined;
    this.#detach?.();
    return Promise.resolve();
  }

  inventory(): ReturnType<Hypervisor['inventory']> {
    return this.#call('inventory', undefined, () => simulatedInventory(this.machine, this.kind));
  }

  load(): Promise<HypervisorLoad> {
    return this.#call('load', undefined, () => simulatedLoad(this.machine, this.#fleetId));
  }

  list(): Promise<readonly ListedDomain[]> {
    return this.#call('list', undefined, () =>
      Array.from(this.machine.domains(), (domain) => asListed(domain, this.#fleetId)),
    );
  }

  heldMemoryMiB(): Promise<ReadonlyMap<string, number>> {
    return this.#call('heldMemoryMiB', undefined, () => {
      const held = new Map<string, number>();
      for (const domain of this.machine.domains()) {
        if (isActive(domain.powerState)) held.set(domain.uuid, heldMemoryMiB(domain));
      }
      return held;
    });
  }

  observe(vmId: VmId): Promise<ObservedVm> {
    return this.#call('observe', vmId, () => {
      const domain = this.machine.domain(vmId);
      if (domain === undefined) return { powerState: 'ABSENT' as const };
      return {
        powerState: domain.powerState,
        ...(domain.mark === undefined ? {} : { mark: domain.mark }),
        ...(domain.isUntracked === undefined ? {} : { isUntracked: domain.isUntracked }),
      };
    });
  }

  inspectImage(name: string): Promise<ImageContents> {
    return this.#call('inspectImage', undefined, () => contentsOf(imageOf(this.machine, name)));
  }

  createVolumes(vm: VmDefinition, book: VolumeBook, onProgress?: (percent: number) => void): Promise<void> {
    return this.#call('createVolumes', vm.vmId, async () => {
      this.#tracked(this.machine.domain(vm.vmId));
      for (const [index, disk] of vm.spec.disks.entries()) {
        await makeVolume(this.machine, vm, disk, book);
        onProgress?.(Math.floor(((index + 1) * 100) / vm.spec.disks.length));
      }
    });
  }

  deleteVolumes(vmId: VmId, volumes: readonly VolumeRef[]): Promise<readonly LeftVolume[]> {
    return this.#call('deleteVolumes', vmId, () => {
      this.#tracked(this.#ours(vmId));
      return volumes.flatMap((volume) => {
        const why = whyUnusable(this.machine, volume.pool);
        if (why !== undefined) return [{ ...volume, why }];
        this.machine.removeVolume(volume.pool, volume.volume);
        return [];
      });
    });
  }

  lookAtVolumes(volumes: readonly VolumeRef[]): Promise<readonly SeenVolume[]> {
    return this.#call('lookAtVolumes', undefined, () =>
      volumes.filter(({ pool }) => this.machine.isActivePool(pool)).map((volume) => seen(this.machine, volume)),
    );
  }

  define(vm: VmDefinition, mark: OwnershipMark): Promise<SettledDefinition> {
    return this.#call('define', vm.vmId, () => {
      const existing = this.#ours(vm.vmId);
      this.#tracked(existing);
      for (const { image } of vm.spec.disks) if (image !== undefined) imageOf(this.machine, image);
      requireFreeMacs(vm, this.machine.domains());
      const settled = settle(vm);
      this.machine.putDomain({
        uuid: vm.vmId,
        title: vm.name,
        vcpus: vcpuCount(vm.spec.cpu),
        memoryMiB: vm.spec.memory.sizeMiB,
        ...(existing !== undefined && isActive(existing.powerState)
          ? { startedWithMemoryMiB: heldMemoryMiB(existing) }
          : {}),
        networks: vm.spec.nics.map((nic) => nic.network),
        powerState: existing?.powerState ?? 'STOPPED',
        ...(existing?.isIoError === undefined ? {} : { isIoError: true }),
        ignoresAcpi: existing?.ignoresAcpi ?? false,
        boots: existing?.boots ?? 0,
        mark,
        settled,
      });
      return settled;
    });
  }

  mark(vmId: VmId, mark: OwnershipMark): Promise<void> {
    return this.#call('mark', vmId, () => this.machine.putDomain({ ...this.#existing(vmId), mark }));
  }

  undefine(vmId: VmId): Promise<void> {
    return this.#call('undefine', vmId, () => {
      const domain = this.#ours(vmId);
      this.#tracked(domain);
      if (domain === undefined) return;
      if (isActive(domain.powerState)) throw new Rejected(errors.VM_WRONG_STATE('a running VM is not undefined'));
      this.machine.removeDomain(vmId);
      this.machine.tellRemoved(domain);
    });
  }

  start(vmId: VmId): Promise<void> {
    return this.#call('start', vmId, () => {
      const domain = this.#existing(vmId);
      this.#tracked(domain);
      if (isActive(domain.powerState)) return;
      const missing = domain.networks.find((network) => !this.machine.hardware.networks.includes(network));
      if (missing !== undefined) throw new Rejected(errors.NETWORK_NOT_FOUND(`no network ${missing}`));
      const gone = missingVolume(this.machine, domain);
      if (gone !== undefined) throw errors.VOLUME_MISSING('not-applied', gone);
      // As Linux does: guests that leave much unused may have more together than there is, none alone.
      if (domain.memoryMiB > this.machine.hardware.memoryMiB) {
        throw errors.HYPERVISOR_FAILED('not-applied', 'cannot allocate memory');
      }
      this.machine.change(vmId, 'RUNNING', 'started', 'outside');
    });
  }

  requestShutdown(vmId: VmId): Promise<void> {
    return this.#call('requestShutdown', vmId, () => {
      const domain = this.#ours(vmId);
      if (domain === undefined || !isActive(domain.powerState)) return;
      this.#responsive(domain);
      this.#laterInGuest(vmId, () => this.machine.guestShutsDown(vmId));
    });
  }

  forceStop(vmId: VmId): Promise<void> {
    return this.#call('forceStop', vmId, () => {
      const domain = this.#ours(vmId);
      if (domain === undefined || !isActive(domain.powerState)) return;
      this.machine.change(vmId, 'STOPPED', 'stopped', 'outside');
    });
  }

  requestReboot(vmId: VmId): Promise<void> {
    return this.#call('requestReboot', vmId, () => {
      this.#active(vmId);
      this.#laterInGuest(vmId, () => this.machine.guestReboots(vmId));
    });
  }

  reset(vmId: VmId): Promise<void> {
    return this.#call('reset', vmId, () => {
      const domain = this.#active(vmId);
      this.machine.change(vmId, domain.powerState, 'rebooted', 'guest');
    });
  }

  pause(vmId: VmId): Promise<void> {
    return this.#call('pause', vmId, () => {
      if (this.#active(vmId).powerState !== 'PAUSED') this.machine.change(vmId, 'PAUSED', 'paused', 'outside');
    });
  }

  resume(vmId: VmId): Promise<void> {
    return this.#call('resume', vmId, () => {
      if (this.#active(vmId).powerState === 'PAUSED') this.machine.change(vmId, 'RUNNING', 'resumed', 'outside');
    });
  }

  /** One call: latency, hold, daemon, fault, effect. */
  async #call<T>(call: HypervisorCall, vmId: VmId | undefined, effect: () => T | Promise<T>): Promise<T> {
    const latencyMs = this.#options.latencyMs?.[call];
    if (latencyMs !== undefined && latencyMs > 0) await delay(latencyMs);
    if (this.faults.areNone) {
      this.#reachDaemon(call);
      return effect();
    }
    await this.faults.holdFor(call, vmId);
    this.#reachDaemon(call);
    const met = this.faults.meet(call, vmId);
    if (met === undefined) return effect();
    if (met.takesEffect) await effect();
    throw met.failure;
  }

  #reachDaemon(call: HypervisorCall): void {
    if (this.machine.isDaemonUp) return;
    throw errors.HYPERVISOR_UNAVAILABLE('not-applied', `${call}: the simulated daemon does not run`);
  }

  /** The VM's domain, refused where it is not of this fleet. */
  #ours(vmId: VmId): SimulatedDomain | undefined {
    const domain = this.machine.domain(vmId);
    if (domain !== undefined && (domain.mark === undefined || domain.mark.fleetId !== this.#fleetId)) {
      throw new Rejected(errors.DOMAIN_FOREIGN(`domain ${vmId} is not of this fleet`));
    }
    return domain;
  }

  #tracked(domain: SimulatedDomain | undefined): void {
    if (domain?.isUntracked === true)
      throw new Rejected(errors.VM_UNTRACKED(`the daemon has forgotten the process of ${domain.uuid}`));
  }

  #existing(vmId: VmId): SimulatedDomain {
    const domain = this.#ours(vmId);
    if (domain === undefined) throw new Rejected(errors.VM_NOT_FOUND(`no domain ${vmId}`));
    return domain;
  }

  #active(vmId: VmId): SimulatedDomain {
    const domain = this.#existing(vmId);
    if (!isActive(domain.powerState)) throw new Rejected(errors.VM_WRONG_STATE(`VM ${vmId} is not running`));
    this.#responsive(domain);
    return domain;
  }

  #responsive(domain: SimulatedDomain): void {
    if (domain.powerState !== 'UNRESPONSIVE') return;
    throw errors.VM_UNRESPONSIVE('unknown', `the process of VM ${domain.uuid} does not answer`);
  }

  #laterInGuest(vmId: VmId, deed: () => void): void {
    const guestDelayMs = this.#options.guestDelayMs ?? 0;
    const act = (): void => {
      const domain = this.machine.domain(vmId);
      if (domain?.powerState === 'RUNNING' && !domain.ignoresAcpi) deed();
    };
    if (guestDelayMs === 0) queueMicrotask(act);
    else setTimeout(act, guestDelayMs).unref();
  }
}
