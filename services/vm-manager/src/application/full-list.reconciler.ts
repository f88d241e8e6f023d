import type { FullList, HostId, ReportSource, VmFact, VmId } from '@drover/contracts';
import { settleListed, settleMissing, type ListedVm } from '../domain/settlement/full-list.policy.js';
import type { VmState } from '../domain/vm/vm.state.js';
import type { VmFolds } from './vm-folds.state.js';

interface Assembly {
  /** Of the first part: what was reported after that is newer than the list. */
  readonly source: ReportSource;
  readonly listed: Map<VmId, ListedVm>;
  readonly busy: Set<VmId>;
  nextPart: number;
}

type Settle = (vmId: VmId, source: ReportSource, settle: (state: VmState) => readonly VmFact[]) => Promise<void>;

/**
 * Puts a host's full list together from its parts and settles the difference when the last is there.
 *
 * The list is compared, not taken over, so one whose beginning was lost is simply dropped: the next comes within a minute.
 */
export class FullListReconciler {
  readonly #folds: VmFolds;
  readonly #settle: Settle;
  readonly #assemblies = new Map<HostId, Assembly>();

  constructor(folds: VmFolds, settle: Settle) {
    this.#folds = folds;
    this.#settle = settle;
  }

  async take(part: FullList, source: ReportSource): Promise<void> {
    const { hostId } = source;
    const assembly = part.part === 0 ? newAssembly(source) : this.#assemblies.get(hostId);
    if (
      assembly === undefined ||
      assembly.nextPart !== part.part ||
      assembly.source.journalEpoch !== source.journalEpoch
    ) {
      this.#assemblies.delete(hostId);
      return;
    }
    for (const domain of part.domains) {
      const { ours } = domain;
      if (ours !== undefined) assembly.listed.set(ours.vmId, { ...domain, ours });
    }
    for (const vmId of part.busy) assembly.busy.add(vmId);
    if (!part.isLast) {
      this.#assemblies.set(hostId, { ...assembly, nextPart: part.part + 1 });
      return;
    }
    await this.#reconcile(hostId, assembly);
    this.#assemblies.delete(hostId);
  }

  async #reconcile(hostId: HostId, { source, listed, busy }: Assembly): Promise<void> {
    const settlements: Promise<void>[] = [];
    const settle = (vmId: VmId, settlement: (state: VmState) => readonly VmFact[]) => {
      // Most VMs are as they should be: those cost a comparison and no turn of the VM's queue.
      const state = this.#folds.get(vmId);
      if (busy.has(vmId) || settlement(state).length === 0) return;
      settlements.push(this.#settle(vmId, source, settlement));
    };
    for (const [vmId, entry] of listed) settle(vmId, (state) => settleListed(state, entry, source));
    for (const vmId of [...this.#folds.vmsOf(hostId)]) {
      if (!listed.has(vmId)) settle(vmId, (state) => settleMissing(state, source));
    }
    const failed = (await Promise.allSettled(settlements)).find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}

function newAssembly(source: ReportSource): Assembly {
  return { source, listed: new Map(), busy: new Set(), nextPart: 0 };
}
