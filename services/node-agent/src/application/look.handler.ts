import { errors, subjectKey, vmSubject, type HostOrderAnswer, type HostLook } from '@drover/contracts';
import type { Hypervisor } from '@drover/hypervisor';
import { underWay } from '../domain/reports/under-way.policy.js';
import type { HypervisorCalls } from './hypervisor-calls.js';
import type { JournalBook } from './journal-book.js';
import type { ReportLane } from './report-lane.reconciler.js';
import type { VmWork } from './vm-work.js';

export interface LookOptions {
  readonly hypervisor: Hypervisor;
  readonly calls: HypervisorCalls;
  readonly book: JournalBook;
  readonly lane: ReportLane;
  readonly work: VmWork;
  readonly isTableKnown: () => boolean;
}

/** How often a VM is looked at that changes meanwhile. */
const MAX_LOOKS = 5;

/**
 * Reports one VM as it is, because vm-manager asks. The report's place in the lane is taken in the same turn in which nothing has
 * changed since the look, so it is newer than all that stands before it and older than all that follows.
 */
export class Look {
  readonly #options: LookOptions;
  /** One look at a VM at a time: requests that come meanwhile get the same answer. */
  readonly #underWay = new Map<string, Promise<HostOrderAnswer>>();

  constructor(options: LookOptions) {
    this.#options = options;
  }

  /** Answered `taken` when the report stands in the journal. Throws a `Fault` where the VM cannot be seen. */
  take(look: HostLook): Promise<HostOrderAnswer> {
    if (!this.#options.isTableKnown()) return Promise.resolve({ kind: 'table-needed' });
    const key = `${subjectKey(look.subject)}/${look.orderId}`;
    let answer = this.#underWay.get(key);
    if (answer === undefined) {
      answer = this.#report(look).finally(() => this.#underWay.delete(key));
      this.#underWay.set(key, answer);
    }
    return answer;
  }

  async #report({ subject: { id: vmId }, orderId }: HostLook): Promise<HostOrderAnswer> {
    const { book, calls, hypervisor, lane, work } = this.#options;
    for (let count = 0; count < MAX_LOOKS; count += 1) {
      const isReported = await work.watching(vmId, async (isTouched) => {
        const { powerState, mark } = await calls.look(() => hypervisor.observe(vmId));
        if (isTouched()) return false;
        const isOurs = mark !== undefined && mark.vmId === vmId && mark.fleetId === book.content.fleetId;
        const { orders } = book.content;
        const definition = orders.get(orderId)?.progress?.facts.definition;
        const direction = underWay(orders.values(), vmId);
        await lane.append({
          kind: 'vm-state',
          subject: vmSubject(vmId),
          orderId,
          ...(direction === undefined ? {} : { underWay: direction }),
          powerState,
          ...(isOurs ? { generation: mark.generation } : {}),
          ...(definition === undefined ? {} : { definition }),
        });
        return true;
      });
      if (isReported) return { kind: 'taken' };
    }
    throw errors.VM_UNRESPONSIVE('not-applied', `VM ${vmId} changed at each of ${MAX_LOOKS} looks`);
  }
}
