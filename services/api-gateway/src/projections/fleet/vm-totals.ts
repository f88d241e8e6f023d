import { vcpuCount, type VmView } from '@drover/contracts';

const NO_HOST = '00000000-0000-0000-0000-000000000000';

/** What the row of `vm_total` with this key changes by. */
export interface TotalChange {
  readonly project_id: string;
  readonly host_id: string;
  readonly desired: string;
  readonly observed: string;
  vms: number;
  vcpus: number;
  memory_mib: number;
}

/** Observed state of a VM that no host has reported on. */
export const UNKNOWN = 'UNKNOWN';

export class VmTotalChanges {
  readonly #changes = new Map<string, TotalChange>();

  /** Counts a VM that was `before` and is `after` now. Deleted VMs count nowhere. */
  add(before: VmView | undefined, after: VmView): void {
    if (before !== undefined) this.#count(before, -1);
    this.#count(after, 1);
  }

  /** The keys that really change. */
  list(): readonly TotalChange[] {
    return [...this.#changes.values()].filter(
      (change) => change.vms !== 0 || change.vcpus !== 0 || change.memory_mib !== 0,
    );
  }

  #count(vm: VmView, sign: 1 | -1): void {
    if (vm.deletedAt !== null) return;
    const key = {
      project_id: vm.project,
      host_id: vm.placement?.hostId ?? NO_HOST,
      desired: vm.desired.powerState,
      observed: vm.observed?.powerState ?? UNKNOWN,
    };
    const text = JSON.stringify(key);
    const change = this.#changes.get(text) ?? { ...key, vms: 0, vcpus: 0, memory_mib: 0 };
    change.vms += sign;
    change.vcpus += sign * vcpuCount(vm.spec.cpu);
    change.memory_mib += sign * vm.spec.memory.sizeMiB;
    this.#changes.set(text, change);
  }
}
