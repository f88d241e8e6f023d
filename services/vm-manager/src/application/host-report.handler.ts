import {
  type Fault,
  errors,
  isFailure,
  readVmReport,
  rejected,
  vmSubject,
  writeOrderTable,
  type HostId,
  type NewestOf,
  type OperationId,
  type OrderTable,
  type Rejection,
  type ReportsAcknowledged,
  type ReportSource,
  type Subject,
  type VmFact,
  type VmId,
  type VmLaneMessage,
  type VmReport,
} from '@drover/contracts';
import { KeyedBudget, type Clock } from '@drover/domain-kit';
import { newestOrder } from '../domain/process/host-order.process.js';
import { isAskedFor } from '../domain/settlement/asked-for.policy.js';
import { settleCommandFinished } from '../domain/settlement/order-finished.policy.js';
import { reportEventId, reportId } from '../domain/settlement/report-ids.policy.js';
import { settleVmState } from '../domain/settlement/vm-state.policy.js';
import { settleVmChanged } from '../domain/settlement/vm-changed.policy.js';
import type { VmState } from '../domain/vm/vm.state.js';
import { FactBudget } from './fact-budget.state.js';
import { RebootMeter } from './reboot-meter.state.js';
import { FullListReconciler } from './full-list.reconciler.js';
import type { HostJournals } from './host-journals.state.js';
import type { DeadLetters } from './ports/dead-letters.port.js';
import type { HostHearing, Log } from '@drover/operations';
import { StraysHandler, type StraysStreams } from './strays.handler.js';
import { UnworkableReports } from './unworkable-reports.state.js';
import { eventsOf } from './vm-events.policy.js';
import type { VmFolds } from './vm-folds.state.js';
import type { VmOperations } from './vm-operations.process.js';

/** One message of a host is worked on and another may wait: an agent sends one at a time, and the same again. */
const MAX_WAITING = 2;

/** Streams that are read because a host names VMs that are not its own. All of one message are, and the next waits for the debt. */
const READINGS = { burst: 100, perSecond: 10 };

export type LaneAnswer =
  | { readonly kind: 'answered'; readonly value: OrderTable | ReportsAcknowledged }
  | { readonly kind: 'rejected'; readonly rejection: Rejection };

type SingleReport = Exclude<VmReport, { kind: 'full-list' }>;
type Reports = Extract<VmLaneMessage, { kind: 'reports' }>;

export interface HostReportHandlerOptions {
  readonly folds: VmFolds;
  readonly strays: StraysStreams;
  readonly journals: HostJournals;
  readonly operations: Pick<VmOperations, 'hostOpened'>;
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
  readonly #readings: KeyedBudget<HostId>;
  readonly #queues = new Map<HostId, { readonly tail: Promise<unknown>; readonly length: number }>();
  /** Up to which sequence of which epoch everything is settled, so that a repeated batch costs nothing. */
  readonly #settled = new Map<HostId, { readonly epoch: number; readonly sequence: number }>();

  constructor(options: HostReportHandlerOptions) {
    this.#options = options;
    const { clock, deadLetters, folds, strays, isActive, log } = options;
    this.#unworkable = new UnworkableReports(deadLetters, clock, log);
    this.facts = new FactBudget(clock, log);
    this.#readings = new KeyedBudget(clock, READINGS);
    this.#reboots = new RebootMeter(clock);
    this.#fullLists = new FullListReconciler(
      folds,
      (vmId, source, settle) => this.#settle(vmId, source, settle),
      new StraysHandler({ strays, vms: folds, facts: this.facts, clock, isActive }),
      clock,
      log,
    );
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
    const { hearing, operations, isActive, journals } = this.#options;
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
      // A process that stood still would give an old table.
      if (!isActive()) throw notActive();
      const heard = this.#heardThrough(hostId, journalEpoch);
      const { lastSequence = heard, underWay = [] } = message;
      if (lastSequence < heard) {
        const detail = `report ${heard} was heard, and the journal goes to ${lastSequence}; begin a new journal and register it`;
        return rejected(errors.JOURNAL_OUTDATED(detail));
      }
      const table = await this.#table(hostId, underWay, message.nonce);
      operations.hostOpened(hostId);
      hearing.heard(hostId);
      return { kind: 'answered', value: table };
    }
    const acknowledged = await this.#settleBatch(message);
    hearing.heard(hostId);
    return { kind: 'answered', value: acknowledged };
  }

  /** The newest report of this epoch that is known to have come. */
  #heardThrough(hostId: HostId, journalEpoch: number): number {
    const settled = this.#settled.get(hostId);
    const inThisTerm = settled?.epoch === journalEpoch ? settled.sequence : 0;
    return Math.max(inThisTerm, this.#options.journals.heardThrough(hostId, journalEpoch));
  }

  /** The host's VMs, and those that it still works on: what has gone since must not be made again. */
  async #table(hostId: HostId, underWay: readonly Subject[], nonce: string): Promise<OrderTable> {
    const { folds } = this.#options;
    const its = new Set(folds.vmsOf(hostId));
    const vms = [...its].flatMap((vmId) => {
      const newest = newestOrder(folds.get(vmId), hostId);
      return newest === undefined ? [] : [{ subject: vmSubject(vmId), rank: newest }];
    });
    const told = new Set(vms.map(({ subject }) => subject.id));
    const asked = [...new Set(underWay.map(({ id }) => id))].filter((vmId) => !told.has(vmId));
    if (asked.length > 0 && !this.#readings.has(hostId)) {
      const detail = `host ${hostId} named many VMs that are not its own a short time before; it is answered when it asks later`;
      throw errors.SERVICE_UNAVAILABLE('not-applied', detail);
    }
    this.#readings.spend(hostId, asked.length);
    const gone: NewestOf[] = [];
    // One after the other: a host may name thousands, and the store is there for others, too.
    for (const vmId of asked) {
      const { generation, revision } = await folds.load(vmId);
      if (generation !== undefined) gone.push({ subject: vmSubject(vmId), rank: { generation, revision } });
    }
    return writeOrderTable(nonce, [...vms, ...gone]);
  }

  async #settleBatch({ hostId, journalEpoch, reports }: Reports): Promise<ReportsAcknowledged> {
    const settled = this.#settled.get(hostId);
    let through = settled?.epoch === journalEpoch ? settled.sequence : 0;
    // Reports of one VM go one after the other and stop at the first fault: a later one would make the earlier old.
    const underWay = new Map<VmId | number, Promise<void>>();
    for (const { sequence, report } of reports) {
      if (sequence <= through) continue;
      const source = { hostId, journalEpoch, sequence };
      const read = readVmReport(report);
      if (read === undefined) {
        underWay.set(sequence, this.#unworkable.keep(source, report, 'unreadable report'));
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
      if (isFailure(error)) throw error;
      this.#options.log.error('a report met a defect and was kept as a dead letter', {
        report: reportId(source),
        error,
      });
      await this.#unworkable.keep(source, report, 'settling it met a defect');
    }
  }

  async #settleSingle(report: SingleReport, source: ReportSource): Promise<void> {
    const vmId = report.subject.id;
    const { folds, isActive } = this.#options;
    if (!isActive()) throw notActive();
    // It is over or was never asked for, and then nothing follows: no reading of the store, whatever ids a host invents.
    if (!folds.has(vmId)) return;
    const operationId = report.kind === 'order-finished' ? report.operationId : undefined;
    if (report.kind !== 'vm-changed' || report.change !== 'rebooted') {
      await this.#settle(vmId, source, settlementOf(report, source), operationId);
      return;
    }
    const count = this.#reboots.due(vmId, report.count ?? 1, source);
    if (count === undefined) return;
    const counted = { ...report, ...(count === 1 ? {} : { count }) };
    if (await this.#settle(vmId, source, settlementOf(counted, source))) this.#reboots.recorded(vmId, source);
  }

  /** False where what follows was over the host's budget and was not recorded. */
  async #settle(
    vmId: VmId,
    source: ReportSource,
    settle: (state: VmState) => readonly VmFact[],
    operationId?: OperationId,
  ): Promise<boolean> {
    const { folds, clock, isActive } = this.#options;
    const { hostId } = source;
    const { result, wasRepeat } = await folds.change(vmId, (state) => {
      if (!isActive()) throw notActive();
      const facts = settle(state);
      const counted = isAskedFor(facts) ? 0 : facts.length;
      const result = { counted, isRefused: counted > 0 && !this.facts.has(hostId, vmId) };
      if (result.isRefused) return { events: [], result };
      const origin = {
        actor: { kind: 'host', id: hostId } as const,
        causationId: reportId(source),
        atMs: clock.epochMs(),
        projectId: state.identity?.projectId,
        operationId,
        traceparent: state.operation?.traceparent,
      };
      const idOf = (fact: VmFact, index: number) => reportEventId(source, vmId, fact, index);
      return { events: eventsOf(facts, origin, idOf), result };
    });
    // Only what was stored: while the store is away, a host sends the same again and again.
    if (result.isRefused) this.facts.refuse(hostId, vmId, result.counted);
    else if (result.counted > 0 && !wasRepeat) this.facts.spend(hostId, vmId, result.counted);
    return !result.isRefused;
  }
}

function settlementOf(report: SingleReport, source: ReportSource) {
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

function notActive(): Fault {
  return errors.SERVICE_UNAVAILABLE('not-applied', 'this replica is not the active one');
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
