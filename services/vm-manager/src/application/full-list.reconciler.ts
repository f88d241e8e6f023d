import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  MAX_VMS_OF_A_HOST,
  vmIdSchema,
  type FullList,
  type HostId,
  type ReportSource,
  type VmFact,
  type VmId,
} from '@drover/contracts';
import { KeyedBudget, type Clock } from '@drover/domain-kit';
import { settleListed, settleMissing } from '../domain/settlement/full-list.policy.js';
import { isOldReport, type VmState } from '../domain/vm/vm.state.js';
import type { Log } from '@drover/operations';
import type { DoubtfulVms } from './doubtful-vms.state.js';
import type { ReportedFacts } from './reported-facts.recorder.js';
import type { MarkedDomain, StraysHandler } from './strays.handler.js';
import type { VmFolds } from './vm-folds.state.js';

/** Differences in an hour about VMs that are not the host's own: listed and not, in turn, they would fill other hosts' VMs' streams. */
const OF_OTHERS = { burst: 200, perSecond: 200 / 3_600 };
/** Lists that are compared: an agent sends one a minute and after each reconnect, and each costs a look at every VM of its host. */
const LISTS = { burst: 10, perSecond: 1 / 5 };

interface Assembly {
  /** Of the first part: what was reported after that is newer than the list. */
  readonly source: ReportSource;
  readonly listed: Map<VmId, MarkedDomain>;
  readonly busy: Set<VmId>;
  /** VMs of which a process runs although the host has no domain of theirs any more. */
  readonly processes: Set<VmId>;
  nextPart: number;
}

export interface FullListReconcilerOptions {
  readonly folds: VmFolds;
  readonly recorder: Pick<ReportedFacts, 'record'>;
  readonly strays: Pick<StraysHandler, 'settle'>;
  readonly doubtful: Pick<DoubtfulVms, 'of' | 'told'>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Puts a host's full list together from its parts and settles the difference when the last is there.
 *
 * The list is compared, not taken over, so one whose beginning was lost is simply dropped: the next comes within a minute.
 */
export class FullListReconciler {
  readonly #options: FullListReconcilerOptions;
  readonly #budget: KeyedBudget<HostId>;
  readonly #lists: KeyedBudget<HostId>;
  /** How many entries of a host's newest list were over its budget. */
  readonly #leftOut = new Map<HostId, number>();
  readonly #assemblies = new Map<HostId, Assembly>();
  /** Hosts whose newest list named more VMs than a host may have. */
  readonly #tooLong = new Set<HostId>();

  constructor(options: FullListReconcilerOptions) {
    this.#options = options;
    this.#budget = new KeyedBudget(options.clock, OF_OTHERS);
    this.#lists = new KeyedBudget(options.clock, LISTS);
  }

  /** A new term knows no beginning of a list: what an earlier one has may be long out of date. */
  begin(): void {
    this.#assemblies.clear();
  }

  /** Parts of one list are reports that follow each other. */
  async take(part: FullList, source: ReportSource): Promise<void> {
    const { hostId } = source;
    const assembly = part.part === 0 ? newAssembly(source) : this.#assemblies.get(hostId);
    if (
      assembly === undefined ||
      assembly.nextPart !== part.part ||
      assembly.source.journalEpoch !== source.journalEpoch ||
      assembly.source.sequence + part.part !== source.sequence
    ) {
      this.#assemblies.delete(hostId);
      return;
    }
    for (const domain of part.domains) {
      const { ours, isUntracked, libvirtUuid } = domain;
      if (ours !== undefined) assembly.listed.set(ours.vmId, { ...domain, ours });
      else if (isUntracked === true) addVm(assembly.processes, libvirtUuid);
    }
    for (const vmId of part.busy) assembly.busy.add(vmId);
    const { listed, busy, processes } = assembly;
    if ([listed, busy, processes].some(({ size }) => size > MAX_VMS_OF_A_HOST)) {
      this.#drop(hostId);
      return;
    }
    if (!part.isLast) {
      this.#assemblies.set(hostId, { ...assembly, nextPart: part.part + 1 });
      return;
    }
    this.#tooLong.delete(hostId);
    // One that is not compared costs nothing: the next tells the same.
    if (this.#lists.take(hostId)) {
      await this.#reconcile(hostId, assembly);
      // A message may hold hundreds of lists, and other hosts and the lease want their turn between them.
      await nextTurn();
    }
    this.#assemblies.delete(hostId);
  }

  /** What comes of the list after this has no beginning any more, and is dropped as well. */
  #drop(hostId: HostId): void {
    this.#assemblies.delete(hostId);
    if (this.#tooLong.has(hostId)) return;
    this.#tooLong.add(hostId);
    const fields = { hostId, most: MAX_VMS_OF_A_HOST };
    this.#options.log.warn('a host lists more VMs than a host may have; its list is dropped', fields);
  }

  async #reconcile(hostId: HostId, { source, listed, busy, processes }: Assembly): Promise<void> {
    const { doubtful, folds, recorder } = this.#options;
    const strays: MarkedDomain[] = [];
    const settlements: Promise<unknown>[] = [];
    const its = [...folds.vmsOf(hostId)];
    const told = [...doubtful.of(hostId)].filter((vmId) => !busy.has(vmId) && tells(source, folds.get(vmId)));
    let leftOut = 0;
    const settle = (vmId: VmId, settlement: (state: VmState) => readonly VmFact[]) => {
      // Most VMs are as they should be: those cost a comparison and no turn of the VM's queue.
      const state = folds.get(vmId);
      if (busy.has(vmId) || settlement(state).length === 0) return;
      if (state.hostId !== hostId && !this.#budget.take(hostId)) {
        leftOut += 1;
        return;
      }
      settlements.push(recorder.record(vmId, source, settlement));
    };
    for (const [vmId, entry] of listed) {
      const { phase, operation } = folds.get(vmId);
      if (phase === 'present') settle(vmId, (state) => settleListed(state, entry, source));
      // What is left by an operation that is still open may go with its end.
      else if (operation === undefined) strays.push(entry);
    }
    settlements.push(this.#options.strays.settle(source, strays, new Set([...busy, ...processes])));
    for (const vmId of its) {
      if (!listed.has(vmId)) settle(vmId, (state) => settleMissing(state, source));
    }
    this.#tell(hostId, leftOut);
    const failed = (await Promise.allSettled(settlements)).find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    doubtful.told(told, source);
  }

  /** Once per number, so that a host that lists the same each minute is told of once. */
  #tell(hostId: HostId, leftOut: number): void {
    if (leftOut === (this.#leftOut.get(hostId) ?? 0)) return;
    this.#leftOut.set(hostId, leftOut);
    if (leftOut === 0)
      this.#options.log.warn('all VMs that a host lists and that are not its own are recorded again', { hostId });
    else this.#options.log.warn('a host lists more VMs that are not its own than are recorded', { hostId, leftOut });
  }
}

/** Whether anything follows from a list for the VM: nothing does while an operation holds it, nor from what is older than is known. */
function tells(source: ReportSource, state: VmState): boolean {
  return state.operation === undefined && !isOldReport(state, source);
}

function addVm(vms: Set<VmId>, uuid: string): void {
  const vmId = vmIdSchema.safeParse(uuid).data;
  if (vmId !== undefined) vms.add(vmId);
}

function newAssembly(source: ReportSource): Assembly {
  return { source, listed: new Map(), busy: new Set(), processes: new Set(), nextPart: 0 };
}
