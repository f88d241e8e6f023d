import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  errors,
  Fault,
  readVmReport,
  rejected,
  subjectOfReport,
  type HostId,
  type OrderTable,
  type Rejection,
  type ReportsAcknowledged,
  type ReportSource,
  type VmChanged,
  type VmFact,
  type VmLaneMessage,
  type VmReport,
} from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { settleCommandFinished } from '../domain/settlement/order-finished.policy.js';
import { reportId } from '../domain/settlement/report-ids.policy.js';
import { settleVmState } from '../domain/settlement/vm-state.policy.js';
import { settleVmChanged } from '../domain/settlement/vm-changed.policy.js';
import type { VmState } from '../domain/vm/vm.state.js';
import type { DoubtfulVms } from './doubtful-vms.state.js';
import { FactBudget } from './fact-budget.state.js';
import { RebootMeter } from './reboot-meter.state.js';
import { FullListReconciler } from './full-list.reconciler.js';
import type { ImageReports } from './image-operations.process.js';
import type { HostJournals } from './host-journals.state.js';
import { OpenLane } from './open-lane.handler.js';
import { OverBudget } from './over-budget.state.js';
import type { DeadLetters } from './ports/dead-letters.port.js';
import type { HostHearing, Log } from '@drover/operations';
import { notActive, ReportedFacts } from './reported-facts.recorder.js';
import { ReportBudget } from './report-budget.state.js';
import { SettledReports } from './settled-reports.state.js';
import { StraysHandler, type StraysStreams } from './strays.handler.js';
import { UnworkableReports } from './unworkable-reports.state.js';
import type { VmFolds } from './vm-folds.state.js';
import type { VmOperations } from './vm-operations.process.js';

/** One message of a host is worked on and another may wait: an agent sends one at a time, and the same again. */
const MAX_WAITING = 2;
/** How many reports of a message are worked on in one turn of the event loop. */
const REPORTS_PER_TURN = 50;

export type LaneAnswer =
  | { readonly kind: 'answered'; readonly value: OrderTable | ReportsAcknowledged }
  | { readonly kind: 'rejected'; readonly rejection: Rejection };

type SingleReport = Exclude<VmReport, { kind: 'full-list' }>;
type ReportOfVm = Exclude<SingleReport, { kind: 'image-inspected' }>;
type Reports = Extract<VmLaneMessage, { kind: 'reports' }>;

export interface HostReportHandlerOptions {
  readonly folds: VmFolds;
  readonly doubtful: DoubtfulVms;
  readonly strays: StraysStreams;
  readonly images: Pick<ImageReports, 'settle'>;
  readonly journals: HostJournals;
  /** Of every kind that has orders to hosts. */
  readonly operations: readonly Pick<VmOperations, 'hostOpened'>[];
  readonly hearing: Pick<HostHearing, 'heard'>;
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
  readonly #reboots: RebootMeter;
  readonly #unworkable: UnworkableReports;
  /** Of what hosts say by themselves; what follows from commands is not counted. */
  readonly facts: FactBudget;
  /** Of all that they say. */
  readonly budget: ReportBudget;
  readonly over: OverBudget;
  readonly #openLane: OpenLane;
  readonly #recorder: ReportedFacts;
  readonly #queues = new Map<HostId, { readonly tail: Promise<unknown>; readonly length: number }>();
  #settled = new SettledReports();

  constructor(options: HostReportHandlerOptions) {
    this.#options = options;
    const { clock, deadLetters, doubtful, folds, strays, isActive, log } = options;
    this.#unworkable = new UnworkableReports(deadLetters, clock, log);
    this.over = new OverBudget(clock);
    this.facts = new FactBudget(clock, this.over, log);
    this.budget = new ReportBudget(clock, this.over, log);
    this.#reboots = new RebootMeter(clock, (vmId) => folds.has(vmId));
    this.#openLane = new OpenLane(options);
    this.#recorder = new ReportedFacts({ folds, facts: this.facts, doubtful, clock, isActive });
    this.#fullLists = new FullListReconciler({
      folds,
      recorder: this.#recorder,
      strays: new StraysHandler({ strays, vms: folds, facts: this.facts, clock, isActive }),
      doubtful,
      clock,
      log,
    });
  }

  /** A new term has settled nothing yet: while another replica was the active one, a host's disk may have come back as it was before. */
  begin(): void {
    this.#settled = new SettledReports();
    this.#fullLists.begin();
  }

  /** Throws a `Fault`, after which the host sends again; nothing is acknowledged then. */
  async handle(message: VmLaneMessage): Promise<LaneAnswer> {
    const { hostId } = message;
    const queue = this.#queues.get(hostId) ?? { tail: Promise.resolve(), length: 0 };
    if (queue.length >= MAX_WAITING) {
      throw errors.SERVICE_UNAVAILABLE('not-applied', `${queue.length} messages of host ${hostId} are under way`);
    }
    const run = queue.tail.then(() => this.#handle(message));
    this.#queues.set(hostId, { tail: run.then(ignore, ignore), length: queue.length + 1 });
    try {
      return await run;
    } finally {
      const { tail, length } = this.#queues.get(hostId) ?? queue;
      if (length <= 1) this.#queues.delete(hostId);
      else this.#queues.set(hostId, { tail, length: length - 1 });
    }
  }

  async #handle(message: VmLaneMessage): Promise<LaneAnswer> {
    const { hostId, journalEpoch } = message;
    const { hearing, operations, journals } = this.#options;
    const current = journals.current(hostId);
    // A host opens its lane right after its registration, which is on its way here from the store; the host asks again.
    if (current === undefined && message.kind === 'open') throw notYetRead(hostId, journalEpoch);
    if (current === undefined)
      return rejected(errors.HOST_NOT_FOUND(`host ${hostId} is not registered; register first`));
    if (current > journalEpoch) {
      return rejected(
        errors.HOST_WRONG_STATE(`journal epoch ${journalEpoch} has been followed by ${current}; register again`),
      );
    }
    if (current < journalEpoch) throw notYetRead(hostId, journalEpoch);
    if (message.kind === 'open') {
      const answer = await this.#openLane.handle(message, this.#settled.through(hostId, journalEpoch));
      if (answer.kind === 'rejected') return answer;
      // What it reported may still wait in its lane, so this alone does not make it heard.
      for (const each of operations) each.hostOpened(hostId);
      return answer;
    }
    this.budget.spend(hostId, message.reports.length);
    const acknowledged = await this.#settleBatch(message);
    if ((message.waiting ?? 0) === 0) hearing.heard(hostId);
    return { kind: 'answered', value: acknowledged };
  }

  async #settleBatch({ hostId, journalEpoch, reports }: Reports): Promise<ReportsAcknowledged> {
    // Of the term in which the message is worked on.
    const settled = this.#settled;
    let through = settled.through(hostId, journalEpoch);
    // Reports of one VM go one after the other and stop at the first fault: a later one would make the earlier old.
    const underWay = new Map<string | number, Promise<void>>();
    let sinceTurn = 0;
    for (const { sequence, report } of reports) {
      if (sequence <= through) continue;
      const source = { hostId, journalEpoch, sequence };
      const read = readVmReport(report);
      if (read === undefined) {
        underWay.set(sequence, this.#keep(source, report, 'unreadable report'));
      } else if (read.kind === 'full-list') {
        // What the list says is older than what was reported before it, so that goes first.
        await allSettled(underWay);
        underWay.clear();
        await this.#work(source, report, () => this.#fullLists.take(read, source));
      } else {
        const single = read;
        const work = () => this.#work(source, report, () => this.#settleSingle(single, source));
        const before = underWay.get(single.subject.id);
        underWay.set(single.subject.id, before === undefined ? work() : before.then(work));
      }
      through = sequence;
      sinceTurn += 1;
      if (sinceTurn < REPORTS_PER_TURN) continue;
      // A message may hold hundreds, and other hosts and the lease want their turn between them.
      await allSettled(underWay);
      underWay.clear();
      await nextTurn();
      sinceTurn = 0;
    }
    await allSettled(underWay);
    settled.settled(hostId, journalEpoch, through);
    return { kind: 'acknowledged', throughSequence: through };
  }

  /** Works on one report; one that meets a defect of ours is kept, so that it blocks no other. */
  async #work(source: ReportSource, report: unknown, body: () => Promise<void>): Promise<void> {
    try {
      await body();
    } catch (error) {
      // A no from below is no answer to the host's message: the host would take it for a refusal of its lane.
      if (error instanceof Fault) throw error;
      this.#options.log.error('a report met a defect and was kept as a dead letter', {
        report: reportId(source),
        error,
      });
      await this.#keep(source, report, 'settling it met a defect');
    }
  }

  /** As a dead letter: what it told of its VM is not recorded. */
  async #keep(source: ReportSource, report: unknown, reason: string): Promise<void> {
    const { doubtful, folds } = this.#options;
    await this.#unworkable.keep(source, report, reason);
    const vmId = subjectOfReport(report)?.id;
    if (vmId !== undefined && folds.get(vmId).hostId === source.hostId) doubtful.notRecorded(vmId, source);
  }

  async #settleSingle(report: SingleReport, source: ReportSource): Promise<void> {
    if (report.kind === 'image-inspected') return this.#options.images.settle(report, source);
    const vmId = report.subject.id;
    const { folds, isActive } = this.#options;
    if (!isActive()) throw notActive();
    // It is over or was never asked for, and then nothing follows: no reading of the store, whatever ids a host invents.
    if (!folds.has(vmId)) return;
    if (report.kind === 'vm-changed' && report.change === 'rebooted') return this.#settleReboots(report, source);
    const operationId = report.kind === 'order-finished' ? report.operationId : undefined;
    await this.#recorder.record(vmId, source, settlementOf(report, source), operationId);
  }

  async #settleReboots(report: VmChanged, source: ReportSource): Promise<void> {
    const vmId = report.subject.id;
    // Of another host's VM, and of one that the host had before, nothing follows; so nothing of it is counted either.
    if (settlementOf(report, source)(this.#options.folds.get(vmId)).length === 0) return;
    const count = this.#reboots.due(vmId, report.count ?? 1, source);
    if (count === undefined) return;
    const counted = { ...report, ...(count === 1 ? {} : { count }) };
    if (await this.#recorder.record(vmId, source, settlementOf(counted, source))) this.#reboots.recorded(vmId, source);
    else this.#reboots.notRecorded(vmId, count, source);
  }
}

function settlementOf(report: ReportOfVm, source: ReportSource) {
  return (state: VmState): readonly VmFact[] => {
    switch (report.kind) {
      case 'order-finished':
        return settleCommandFinished(state, report, source);
      case 'vm-changed':
        return settleVmChanged(state, report, source);
      case 'vm-state':
        return settleVmState(state, report, source);
    }
  };
}

function notYetRead(hostId: HostId, journalEpoch: number): Fault {
  return errors.NOT_YET('not-applied', `journal epoch ${journalEpoch} of host ${hostId} has not been read yet`);
}

/** Waits for all of them, also where one fails, so that nothing of a batch is under way when the next begins. */
async function allSettled(underWay: ReadonlyMap<unknown, Promise<void>>): Promise<void> {
  const results = await Promise.allSettled(underWay.values());
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

function ignore(): void {}
