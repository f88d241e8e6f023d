import {
  errors,
  type Fault,
  type HostId,
  type OperationId,
  type ReportSource,
  type VmFact,
  type VmId,
} from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { isUncounted } from '../domain/settlement/uncounted-facts.policy.js';
import { reportEventId, reportId } from '../domain/settlement/report-ids.policy.js';
import type { VmState } from '../domain/vm/vm.state.js';
import type { DoubtfulVms } from './doubtful-vms.state.js';
import type { FactBudget } from './fact-budget.state.js';
import { eventsOf } from './vm-events.policy.js';
import type { VmFolds } from './vm-folds.state.js';

export interface ReportedFactsOptions {
  readonly folds: VmFolds;
  readonly facts: FactBudget;
  readonly doubtful: Pick<DoubtfulVms, 'notRecorded'>;
  readonly clock: Clock;
  readonly isActive: () => boolean;
}

/** What follows from a report for one VM, by its state. */
export type Settlement = (state: VmState) => readonly VmFact[];

/** Appends what follows from the reports of hosts, within their budgets; a VM of which a fact is left out is in doubt from then on. */
export class ReportedFacts {
  readonly #options: ReportedFactsOptions;

  constructor(options: ReportedFactsOptions) {
    this.#options = options;
  }

  /** False where what follows was over the host's budget and was not recorded. Throws a `Fault`; nothing is spent then. */
  async record(vmId: VmId, source: ReportSource, settle: Settlement, operationId?: OperationId): Promise<boolean> {
    const { clock, facts: budget, folds, isActive } = this.#options;
    const { hostId } = source;
    const spent = this.#spending(hostId, vmId);
    try {
      const { result, wasRepeat } = await folds.change(vmId, (state) => {
        if (!isActive()) throw notActive();
        spent.giveBack();
        const facts = settle(state);
        const counted = isUncounted(state, facts) ? 0 : facts.length;
        if (!spent.take(counted)) {
          if (state.hostId === hostId) this.#options.doubtful.notRecorded(vmId, source);
          return { events: [], result: { refused: counted } };
        }
        const origin = {
          actor: { kind: 'host', id: hostId } as const,
          causationId: reportId(source),
          atMs: clock.epochMs(),
          projectId: state.identity?.projectId,
          operationId,
          traceparent: state.operation?.traceparent,
        };
        const idOf = (fact: VmFact, index: number) => reportEventId(source, vmId, fact, index);
        return { events: eventsOf(facts, origin, idOf), result: { refused: 0 } };
      });
      if (wasRepeat) spent.giveBack();
      if (result.refused > 0) budget.refuse(hostId, vmId, result.refused);
      return result.refused === 0;
    } catch (error) {
      // Only what was stored counts: while the store is away, a host sends the same again and again.
      spent.giveBack();
      throw error;
    }
  }

  /** What one change has spent: it may be decided several times. */
  #spending(hostId: HostId, vmId: VmId) {
    const { facts: budget } = this.#options;
    let spent = 0;
    return {
      take: (facts: number): boolean => {
        if (facts === 0) return true;
        if (!budget.take(hostId, vmId, facts)) return false;
        spent = facts;
        return true;
      },
      giveBack: (): void => {
        if (spent > 0) budget.giveBack(hostId, vmId, spent);
        spent = 0;
      },
    };
  }
}

export function notActive(): Fault {
  return errors.SERVICE_UNAVAILABLE('not-applied', 'this replica is not the active one');
}
