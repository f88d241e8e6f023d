import {
  Fault,
  vmReportSchema,
  type HostId,
  type OperationId,
  type Rejection,
  type ReportsAcknowledged,
  type ReportSource,
  type VmFact,
  type VmId,
  type VmLaneMessage,
  type VmReport,
  type VmTable,
} from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { newestOrder } from '../domain/process/host-command.process.js';
import { settleCommandFinished } from '../domain/settlement/command-finished.policy.js';
import { reportEventId, reportId } from '../domain/settlement/report-ids.policy.js';
import { settleVmChanged } from '../domain/settlement/vm-changed.policy.js';
import type { VmState } from '../domain/vm/vm.state.js';
import { FullListReconciler } from './full-list.reconciler.js';
import type { HostJournals } from './host-journals.state.js';
import type { DeadLetters } from './ports/dead-letters.port.js';
import type { Log } from './ports/log.port.js';
import { eventsOf } from './vm-events.policy.js';
import type { VmFolds } from './vm-folds.state.js';
import type { VmOperations } from './vm-operations.process.js';

/** How long a host's first message waits for its registration to be read. */
const REGISTRATION_LAG_MS = 2_000;

export type LaneAnswer =
  | { readonly kind: 'answered'; readonly value: VmTable | ReportsAcknowledged }
  | { readonly kind: 'rejected'; readonly rejection: Rejection };

type Reports = Extract<VmLaneMessage, { kind: 'reports' }>;

export interface HostReportHandlerOptions {
  readonly folds: VmFolds;
  readonly journals: HostJournals;
  readonly operations: Pick<VmOperations, 'hostOpened'>;
  readonly deadLetters: DeadLetters;
  readonly clock: Clock;
  readonly isActive: () => boolean;
  readonly log: Log;
}

/**
 * The VM lane of every host. Messages of one host are worked on one after the other, its reports in their order per VM, and
 * acknowledged when all that follows from them is stored or kept as a dead letter.
 */
export class HostReportHandler {
  readonly #options: HostReportHandlerOptions;
  readonly #fullLists: FullListReconciler;
  readonly #tails = new Map<HostId, Promise<unknown>>();
  /** Up to which sequence of which epoch everything is settled, so that a repeated batch costs nothing. */
  readonly #settled = new Map<HostId, { readonly epoch: number; readonly sequence: number }>();

  constructor(options: HostReportHandlerOptions) {
    this.#options = options;
    this.#fullLists = new FullListReconciler(options.folds, (vmId, source, settle) =>
      this.#settle(vmId, source, settle),
    );
  }

  /** Throws a `Fault`, after which the host sends again; nothing is acknowledged then. */
  handle(message: VmLaneMessage): Promise<LaneAnswer> {
    const { hostId } = message;
    const previous = this.#tails.get(hostId) ?? Promise.resolve();
    const run = previous.then(() => this.#handle(message));
    const tail = run.then(ignore, ignore).then(() => {
      if (this.#tails.get(hostId) === tail) this.#tails.delete(hostId);
    });
    this.#tails.set(hostId, tail);
    return run;
  }

  async #handle(message: VmLaneMessage): Promise<LaneAnswer> {
    const { hostId, journalEpoch } = message;
    const current = await this.#options.journals.reached(hostId, journalEpoch, REGISTRATION_LAG_MS);
    if (current === undefined) return refused('HOST_NOT_FOUND', `host ${hostId} is not registered; register first`);
    if (current > journalEpoch) {
      return refused(
        'HOST_WRONG_STATE',
        `journal epoch ${journalEpoch} has been followed by ${current}; register again`,
      );
    }
    if (current < journalEpoch) {
      throw new Fault(
        'NOT_YET',
        'not-applied',
        `journal epoch ${journalEpoch} of host ${hostId} has not been read yet`,
      );
    }
    if (message.kind === 'open') {
      const table = this.#table(hostId);
      this.#options.operations.hostOpened(hostId);
      return { kind: 'answered', value: table };
    }
    return { kind: 'answered', value: await this.#settleBatch(message) };
  }

  #table(hostId: HostId): VmTable {
    const { folds } = this.#options;
    const vms = [...folds.vmsOf(hostId)].flatMap((vmId) => {
      const newest = newestOrder(folds.get(vmId), hostId);
      return newest === undefined ? [] : [{ vmId, newest }];
    });
    return { kind: 'table', vms };
  }

  async #settleBatch({ hostId, journalEpoch, reports }: Reports): Promise<ReportsAcknowledged> {
    const settled = this.#settled.get(hostId);
    let through = settled?.epoch === journalEpoch ? settled.sequence : 0;
    let underWay: Promise<void>[] = [];
    for (const { sequence, report } of reports) {
      if (sequence <= through) continue;
      const source = { hostId, journalEpoch, sequence };
      const parsed = vmReportSchema.safeParse(report);
      if (!parsed.success) {
        underWay.push(this.#keep(source, report, 'unreadable report'));
      } else if (parsed.data.kind === 'full-list') {
        // What the list says is older than what was reported before it, so that goes first.
        await allSettled(underWay);
        underWay = [];
        await this.#work(source, report, () =>
          this.#fullLists.take(parsed.data as Extract<VmReport, { kind: 'full-list' }>, source),
        );
      } else {
        const single = parsed.data;
        const operationId = single.kind === 'command-finished' ? single.operationId : undefined;
        underWay.push(
          this.#work(source, report, () =>
            this.#settle(single.vmId, source, settlementOf(single, source), operationId),
          ),
        );
      }
      through = sequence;
    }
    await allSettled(underWay);
    this.#settled.set(hostId, { epoch: journalEpoch, sequence: through });
    return { kind: 'acknowledged', throughSequence: through };
  }

  /** Works on one report; one that meets a defect of ours is kept, so that it blocks no other. */
  async #work(source: ReportSource, report: unknown, body: () => Promise<void>): Promise<void> {
    try {
      await body();
    } catch (error) {
      if (error instanceof Fault) throw error;
      this.#options.log.error('a report met a defect and was kept as a dead letter', {
        report: reportId(source),
        error,
      });
      await this.#keep(source, report, 'settling it met a defect');
    }
  }

  async #settle(
    vmId: VmId,
    source: ReportSource,
    settle: (state: VmState) => readonly VmFact[],
    operationId?: OperationId,
  ): Promise<void> {
    const { folds, clock, isActive } = this.#options;
    await folds.change(vmId, (state) => {
      if (!isActive()) throw new Fault('SERVICE_UNAVAILABLE', 'not-applied', 'this replica is not the active one');
      const origin = {
        actor: { kind: 'host', id: source.hostId } as const,
        causationId: reportId(source),
        atMs: clock.epochMs(),
        projectId: state.identity?.projectId,
        operationId,
        traceparent: state.operation?.traceparent,
      };
      const idOf = (fact: VmFact, index: number) => reportEventId(source, vmId, fact, index);
      return { events: eventsOf(settle(state), origin, idOf), result: undefined };
    });
  }

  async #keep(source: ReportSource, report: unknown, reason: string): Promise<void> {
    await this.#options.deadLetters.keep({
      source: 'vm-manager',
      // Of the host and not of the report: what is kept is bounded by the subject.
      subject: `vm reports of host ${source.hostId}`,
      reason: `${reason}: ${reportId(source)}`,
      payload: new TextEncoder().encode(JSON.stringify(report) ?? ''),
    });
  }
}

function settlementOf(report: Exclude<VmReport, { kind: 'full-list' }>, source: ReportSource) {
  return (state: VmState): readonly VmFact[] =>
    report.kind === 'command-finished'
      ? settleCommandFinished(state, report, source)
      : settleVmChanged(state, report, source);
}

function refused(code: Rejection['code'], detail: string): LaneAnswer {
  return { kind: 'rejected', rejection: { code, detail } };
}

/** Waits for all of them, also where one fails, so that nothing of a batch is under way when the next begins. */
async function allSettled(underWay: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(underWay);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

function ignore(): void {}
