import {
  compareOrderRanks,
  errors,
  vmSubject,
  vmVerbs,
  type Fault,
  type Generation,
  type HostId,
  type HostLook,
  type HostLower,
  type HostOrder,
  type ImageContents,
  type ImageOrder,
  type VmOrder,
  type HostOrderAnswer,
  type OrderFinished,
  type OrderRank,
  type PlaceQuery,
  type PowerState,
  type VmId,
  type VmReport,
} from '@drover/contracts';
import type { HostOrders } from '@drover/operations';
import type { Scheduler, SchedulerAnswer } from '../application/ports/scheduler.port.js';
import { definition } from './vm-facts.js';

/** A scheduler that prefers the hosts in the order given, with room for everything. */
export class FakeScheduler implements Scheduler {
  readonly asked: PlaceQuery[] = [];
  /** Thrown, one per question, before any answer. */
  readonly faults: Fault[] = [];
  readonly hosts: HostId[];

  constructor(hosts: readonly HostId[]) {
    this.hosts = [...hosts];
  }

  place(query: PlaceQuery): Promise<SchedulerAnswer> {
    this.asked.push(query);
    const fault = this.faults.shift();
    if (fault !== undefined) return Promise.reject(fault);
    const wanted = query.placement.hostId;
    const [best, ...others] = this.hosts.filter((host) => wanted === undefined || host === wanted);
    if (best === undefined)
      return Promise.resolve({ kind: 'no-host-fits', counts: { memory: this.hosts.length }, nearest: [] });
    const score = { total: 1, parts: { free: 1 } };
    return Promise.resolve({
      kind: 'placed',
      hostId: best,
      reservationId: query.reservationId,
      score,
      runnersUp: others.slice(0, 5).map((hostId) => ({ hostId, score })),
    });
  }
}

type Failing = Extract<OrderFinished['result'], { kind: 'failed' }>;

/**
 * A host as the control plane sees it: it keeps the newest order per VM, takes an order once, and reports each end. What it
 * runs is kept in memory and checked: an order under an older generation or order is never carried out.
 */
export class FakeHost {
  readonly hostId: HostId;
  readonly power = new Map<VmId, PowerState>();
  /** Of the domains that are there. */
  readonly generations = new Map<VmId, Generation>();
  /** Every order that was carried out, in order. */
  readonly done: VmOrder[] = [];
  readonly reports: VmReport[] = [];
  /** How the next orders of a kind fail. */
  readonly failures = new Map<HostOrder['kind'], Failing[]>();
  /** What happens to the next copies sent, one each: lost before they arrive, or their answer is. */
  readonly losses: ('order' | 'answer')[] = [];
  isReachable = true;
  /** So many orders come that were made for a journal that this host had before. */
  outdatedOrders = 0;
  /** Whether orders are taken and not ended. */
  isHung = false;
  /** Whether what was taken and has not ended is being taken back. */
  isUndoing = false;
  /** Whether an order above what the newest is to be has not ended, when that is to be lowered. */
  isUnsettled = false;
  /** What it has as images, by their names. */
  readonly images = new Map<string, ImageContents>();
  readonly #newest = new Map<string, OrderRank>();
  readonly #taken = new Set<string>();
  readonly #hanging: HostOrder[] = [];

  constructor(hostId: HostId) {
    this.hostId = hostId;
  }

  receive(order: HostOrder): HostOrderAnswer {
    if (!this.isReachable) throw errors.SERVICE_UNAVAILABLE('not-applied', 'no agent listens');
    if (this.outdatedOrders > 0) {
      this.outdatedOrders -= 1;
      return { kind: 'other-journal' };
    }
    const loss = this.losses.shift();
    if (loss === 'order') throw errors.TIMED_OUT('unknown', 'lost on the way');
    const answer = this.#take(order);
    if (loss === 'answer') throw errors.TIMED_OUT('unknown', 'the answer was lost');
    return answer;
  }

  /** Tells what it has, behind what it has reported. */
  look({ subject: { id: vmId }, orderId }: HostLook): HostOrderAnswer {
    if (!this.isReachable) throw errors.SERVICE_UNAVAILABLE('not-applied', 'no agent listens');
    const known = this.#newest.get(vmId);
    const isAtIt = this.#hanging.some((order) => order.subject.id === vmId);
    const powerState = this.power.get(vmId) ?? 'ABSENT';
    const generation = this.generations.get(vmId) ?? known?.generation;
    const ours = powerState === 'ABSENT' || generation === undefined ? {} : { generation };
    const underWay = isAtIt ? { underWay: this.isUndoing ? ('undoing' as const) : ('forward' as const) } : {};
    this.reports.push({ kind: 'vm-state', subject: vmSubject(vmId), orderId, ...underWay, powerState, ...ours });
    return { kind: 'taken' };
  }

  /** As an order that vm-manager never gave leaves the journal. */
  forge(vmId: VmId, rank: OrderRank): void {
    this.#newest.set(vmId, rank);
  }

  newest(vmId: VmId): OrderRank | undefined {
    return this.#newest.get(vmId);
  }

  lower({ subject: { id: vmId }, from, to }: HostLower): HostOrderAnswer {
    if (!this.isReachable) throw errors.SERVICE_UNAVAILABLE('not-applied', 'no agent listens');
    const newest = this.#newest.get(vmId);
    if (newest === undefined || compareOrderRanks(newest, to) <= 0) return { kind: 'taken' };
    if (this.isUnsettled) return { kind: 'unsettled', newest };
    if (compareOrderRanks(newest, from) !== 0) return { kind: 'superseded', newest };
    this.#newest.set(vmId, to);
    return { kind: 'taken' };
  }

  /** Tells of every VM that it has, as an agent does once a minute. */
  list(): void {
    const domains = [...this.power].flatMap(([vmId, powerState]) => {
      const generation = this.generations.get(vmId);
      const ours = generation && { vmId, generation, fingerprint: definition.fingerprint };
      const domain = { libvirtUuid: vmId, title: 'web', powerState, vcpus: 1, memoryMiB: 128 };
      return ours === undefined ? [] : [{ ...domain, ours }];
    });
    const busy = [...new Set(this.#hanging.flatMap(({ subject }) => (subject.kind === 'vm' ? [subject.id] : [])))];
    this.reports.push({ kind: 'full-list', part: 0, isLast: true, domains, busy });
  }

  /** Raises what it knows to the table of vm-manager. */
  raise(vmId: VmId, rank: OrderRank): void {
    const known = this.#newest.get(vmId);
    if (known === undefined || compareOrderRanks(known, rank) < 0) this.#newest.set(vmId, rank);
  }

  /** Ends what was taken while it hung. */
  resume(): void {
    this.isHung = false;
    for (const order of this.#hanging.splice(0)) this.#carryOut(order);
  }

  #take(order: HostOrder): HostOrderAnswer {
    if (this.#taken.has(order.orderId)) return { kind: 'taken' };
    const rank = { generation: order.generation, revision: order.revision };
    const newest = this.#newest.get(order.subject.id);
    if (newest !== undefined && compareOrderRanks(rank, newest) <= 0) return { kind: 'superseded', newest };
    this.#newest.set(order.subject.id, rank);
    this.#taken.add(order.orderId);
    if (this.isHung) this.#hanging.push(order);
    else this.#carryOut(order);
    return { kind: 'taken' };
  }

  #inspect({ name, operationId, orderId, subject }: ImageOrder): void {
    const contents = this.images.get(name);
    const error = { code: 'IMAGE_NOT_FOUND', detail: `no image ${name}` } as const;
    const result =
      contents === undefined ? ({ kind: 'failed', error } as const) : ({ kind: 'done', contents } as const);
    this.reports.push({ kind: 'image-inspected', orderId, subject, operationId, result });
  }

  #carryOut(order: HostOrder): void {
    if (order.kind === 'inspect-image') return this.#inspect(order);
    const newest = this.#newest.get(order.subject.id);
    const rank = { generation: order.generation, revision: order.revision };
    const { orderId, subject, operationId, generation, revision } = order;
    const vmId = subject.id;
    const head = { kind: 'order-finished', orderId, subject, operationId, generation, revision } as const;
    const report = (result: OrderFinished['result']) =>
      this.reports.push({ ...head, powerState: this.power.get(vmId) ?? 'ABSENT', result });
    if (newest !== undefined && compareOrderRanks(rank, newest) < 0) {
      report({ kind: 'superseded' });
      return;
    }
    this.done.push(order);
    const failure = this.failures.get(order.kind)?.shift();
    if (failure !== undefined) {
      report(failure);
      return;
    }
    const after = powerAfter(order, this.power.has(vmId));
    if (after === undefined) {
      const error = { code: 'HYPERVISOR_FAILED', detail: 'there is no such domain' } as const;
      report({ kind: 'failed', step: order.kind, error, undone: [], left: [] });
      return;
    }
    if (after === 'ABSENT') this.power.delete(vmId);
    else this.power.set(vmId, after);
    if (isDefiningKind(order.kind)) this.generations.set(vmId, generation);
    report({ kind: 'done', wasForced: false, ...(isDefiningKind(order.kind) ? { definition } : {}) });
  }
}

/** All hosts behind the port. */
export class FakeHosts implements HostOrders {
  readonly all: readonly FakeHost[];
  readonly sent: { readonly hostId: HostId; readonly order: HostOrder }[] = [];
  /** Called with the number of each send, counted from 1, before and after the host has it. */
  onSend: (send: number, moment: 'before' | 'after') => void = () => undefined;

  constructor(all: readonly FakeHost[]) {
    this.all = all;
  }

  host(hostId: HostId): FakeHost {
    const found = this.all.find((host) => host.hostId === hostId);
    if (found === undefined) throw errors.SERVICE_UNAVAILABLE('not-applied', `no host ${hostId}`);
    return found;
  }

  async send(hostId: HostId, order: HostOrder): Promise<HostOrderAnswer> {
    this.sent.push({ hostId, order });
    const number = this.sent.length;
    this.onSend(number, 'before');
    const answer = this.host(hostId).receive(order);
    this.onSend(number, 'after');
    return answer;
  }

  async look(hostId: HostId, look: HostLook): Promise<HostOrderAnswer> {
    return this.host(hostId).look(look);
  }

  async lower(hostId: HostId, lower: HostLower): Promise<HostOrderAnswer> {
    return this.host(hostId).lower(lower);
  }
}

function isDefiningKind(kind: HostOrder['kind']): boolean {
  return kind === 'create' || kind === 'start';
}

function powerAfter(order: VmOrder, isThere: boolean): PowerState | undefined {
  if (!isThere && order.kind === 'stop') return 'ABSENT';
  if (!isThere && order.kind !== 'create' && order.kind !== 'delete') return undefined;
  if (order.kind === 'create') return order.powerOn ? 'RUNNING' : 'STOPPED';
  return vmVerbs[order.kind].desired;
}
