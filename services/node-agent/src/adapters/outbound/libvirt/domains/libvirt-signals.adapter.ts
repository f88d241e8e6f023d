import { vmIdSchema, type FleetId, type VmId, isFailure } from '@drover/contracts';
import type { HypervisorSignal } from '@drover/hypervisor';
import { domainName } from '@drover/libvirt-xml';
import { changeOfLifecycle } from './domain-states.js';

type DomainRef = { readonly name: string; readonly uuid: string };
type VmChanged = Omit<Extract<HypervisorSignal, { kind: 'vm-changed' }>, 'kind' | 'vmId'>;

export interface LibvirtSignalsOptions {
  /** Longest time between two resets of one reboot; shorter than any guest takes to boot and reboot again. */
  readonly firmwareResetMs: number;
  /** Of a clock that only goes forward. */
  readonly nowMs: () => number;
}

/**
 * Turns libvirt's events into signals, in libvirt's order, and only those of this fleet's VMs.
 *
 * An event names the domain but not its fleet, so the first one of each domain waits for a look at its mark; those behind it
 * wait too. A domain that is gone by then is in no fleet that can be told; the next full list settles it.
 */
export class LibvirtSignals {
  readonly #fleetOf: (vmId: VmId) => Promise<FleetId | undefined>;
  readonly #emit: (signal: HypervisorSignal) => void;
  readonly #fleetId: FleetId;
  readonly #options: LibvirtSignalsOptions;
  readonly #ownership = new Map<VmId, boolean>();
  readonly #resetAtMs = new Map<string, number>();
  #queue: Promise<void> = Promise.resolve();

  constructor(
    fleetId: FleetId,
    fleetOf: (vmId: VmId) => Promise<FleetId | undefined>,
    emit: (signal: HypervisorSignal) => void,
    options: LibvirtSignalsOptions,
  ) {
    this.#options = options;
    this.#fleetId = fleetId;
    this.#fleetOf = fleetOf;
    this.#emit = emit;
  }

  /** This VM is known to be ours, so its events need no look. */
  own(vmId: VmId): void {
    this.#ownership.set(vmId, true);
  }

  /** Whether this VM was last seen with the mark of this fleet. */
  isOwn(vmId: VmId): boolean {
    return this.#ownership.get(vmId) === true;
  }

  lifecycle(domain: DomainRef, event: number, detail: number): void {
    const change = changeOfLifecycle(event, detail);
    if (change?.change === 'stopped' || change?.change === 'removed') this.#resetAtMs.delete(domain.uuid);
    if (change !== undefined) this.#push(domain, change);
  }

  /**
   * The machine was reset. SeaBIOS, which begins anew in memory that is not, resets it once or twice more, and libvirt tells
   * each: what follows another closely is the same reboot.
   */
  rebooted(domain: DomainRef): void {
    const { firmwareResetMs, nowMs } = this.#options;
    const atMs = nowMs();
    const beforeMs = this.#resetAtMs.get(domain.uuid);
    this.#resetAtMs.set(domain.uuid, atMs);
    if (beforeMs !== undefined && atMs - beforeMs < firmwareResetMs) return;
    this.#push(domain, { powerState: 'RUNNING', change: 'rebooted', cause: 'guest' });
  }

  #push(domain: DomainRef, change: VmChanged): void {
    const vmId = vmIdSchema.safeParse(domain.uuid);
    if (!vmId.success || domain.name !== domainName(vmId.data)) return;
    this.#queue = this.#queue.then(async () => {
      try {
        if (!(await this.#isOurs(vmId.data))) return;
      } catch (error) {
        if (!isFailure(error)) throw error;
        // Whose it is cannot be told now; a full list will tell what it said.
        this.#emit({ kind: 'connected' });
        return;
      }
      if (change.change === 'removed') this.#ownership.delete(vmId.data);
      this.#emit({ kind: 'vm-changed', vmId: vmId.data, ...change });
    });
  }

  async #isOurs(vmId: VmId): Promise<boolean> {
    const known = this.#ownership.get(vmId);
    if (known !== undefined) return known;
    const fleetId = await this.#fleetOf(vmId);
    if (fleetId !== undefined) this.#ownership.set(vmId, fleetId === this.#fleetId);
    return fleetId === this.#fleetId;
  }
}
