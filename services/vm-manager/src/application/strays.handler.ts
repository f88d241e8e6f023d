import { newEvents, Streams, type Aggregate, type StreamStore } from '@drover/aggregate';
import {
  errors,
  straysKind,
  type EventId,
  type HostId,
  type ListedDomain,
  type ReportSource,
  type Stray,
  type StraysFact,
  type StoredStraysEvent,
  type VmId,
} from '@drover/contracts';
import { derivedId, type Clock } from '@drover/domain-kit';
import { reportId } from '../domain/settlement/report-ids.policy.js';
import { roomFor, settleStrays } from '../domain/strays/strays.decider.js';
import { evolveStrays, noStrays, type StraysState } from '../domain/strays/strays.state.js';
import { isOldReport } from '../domain/vm/vm.state.js';
import type { FactBudget } from './fact-budget.state.js';
import type { VmFolds } from './vm-folds.state.js';

/** What this service keeps of the strays of each host. A raised `stateVersion` makes it read all events once at its next start. */
export const straysAggregate: Aggregate<StraysState, StoredStraysEvent> = {
  kind: straysKind.name,
  stateVersion: 1,
  initialState: noStrays,
  evolve: evolveStrays,
};

export type StraysStreams = Streams<StraysState, StoredStraysEvent, HostId>;

export function straysStreams(store: StreamStore): StraysStreams {
  return new Streams(store, straysAggregate);
}

/** A domain of this fleet in a host's full list. */
export interface MarkedDomain extends ListedDomain {
  readonly ours: NonNullable<ListedDomain['ours']>;
}

export interface StraysHandlerOptions {
  readonly strays: StraysStreams;
  readonly vms: Pick<VmFolds, 'load'>;
  readonly facts: FactBudget;
  readonly clock: Clock;
  readonly isActive: () => boolean;
}

/** Records what a host lists of VMs that are not there. Lists of one host come one after the other. */
export class StraysHandler {
  readonly #options: StraysHandlerOptions;

  constructor(options: StraysHandlerOptions) {
    this.#options = options;
  }

  /**
   * @param listed domains of this fleet that no VM in memory explains.
   * @param unsettled VMs that the host is at work on, or that run without libvirt's knowing of a domain: nothing follows for them.
   */
  async settle(source: ReportSource, listed: readonly MarkedDomain[], unsettled: ReadonlySet<VmId>): Promise<void> {
    const { strays, facts, clock, isActive } = this.#options;
    const { hostId } = source;
    const { state } = strays.folds.get(hostId);
    const told = listed.filter(({ ours }) => !unsettled.has(ours.vmId));
    const entries = new Map(told.map((entry) => [entry.ours.vmId, entry]));
    const there = new Set([...entries.keys(), ...unsettled]);
    const { chosen, leftOut } = roomFor(state, [...entries.keys()], there);
    // Most hosts have none: that costs no turn of the queue.
    const differences = chosen.length + state.strays.filter((vmId) => !there.has(vmId)).length;
    if (differences === 0 && leftOut === state.leftOut) return;
    if (!facts.has(hostId, 'strays')) {
      facts.refuse(hostId, 'strays', Math.max(1, differences));
      return;
    }
    const found = await this.#lookedUp(chosen, entries, source);
    const { result, wasRepeat } = await strays.change(hostId, (folded) => {
      if (!isActive()) throw errors.SERVICE_UNAVAILABLE('not-applied', 'this replica is not the active one');
      const settled = settleStrays(folded.state, { there, found, leftOut }, source);
      const origin = {
        actor: { kind: 'host', id: hostId } as const,
        causationId: reportId(source),
        atMs: clock.epochMs(),
      };
      return { events: newEvents(settled, origin, (fact) => eventIdOf(source, fact)), result: settled.length };
    });
    if (result > 0 && !wasRepeat) facts.spend(hostId, 'strays', result);
  }

  /** The store tells a VM that was deleted from one that was never requested, and whether the list is older than the deletion. */
  async #lookedUp(
    chosen: readonly VmId[],
    entries: ReadonlyMap<VmId, MarkedDomain>,
    source: ReportSource,
  ): Promise<readonly Stray[]> {
    const found: Stray[] = [];
    // One after the other: the store is there for others, too.
    for (const vmId of chosen) {
      const entry = entries.get(vmId);
      const vm = await this.#options.vms.load(vmId);
      if (entry === undefined || vm.phase === 'present' || isOldReport(vm, source)) continue;
      const { isUntracked = false, title, powerState, vcpus, memoryMiB } = entry;
      const { generation } = entry.ours;
      const kind = vm.phase === 'deleted' ? 'deleted' : 'unknown';
      const untracked = isUntracked ? { isUntracked } : {};
      found.push({ vmId, kind, ...untracked, title, generation, powerState, vcpus, memoryMiB });
    }
    return found;
  }
}

/** A list leads to at most one fact of a type for each VM. */
function eventIdOf(source: ReportSource, fact: StraysFact): EventId {
  const about = fact.type === 'StraysLeftOut' ? '' : fact.data.vmId;
  return derivedId(reportId(source), `strays/${fact.type}/${about}`) as EventId;
}
