import {
  compareCommandOrders,
  Fault,
  type CommandFinished,
  type CommandOrder,
  type Generation,
  type HostCommand,
  type HostCommandAnswer,
  type HostId,
  type PlaceQuery,
  type PowerState,
  type VmId,
  type VmLook,
  type VmLower,
  type VmReport,
} from '@drover/contracts';
import type { HostCommands } from '../application/ports/host-commands.port.js';
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

type Failing = Extract<CommandFinished['result'], { kind: 'failed' }>;

/**
 * A host as the control plane sees it: it keeps the newest order per VM, takes a command once, and reports each end. What it
 * runs is kept in memory and checked: a command under an older generation or order is never carried out.
 */
export class FakeHost {
  readonly hostId: HostId;
  readonly power = new Map<VmId, PowerState>();
  /** Of the domains that are there. */
  readonly generations = new Map<VmId, Generation>();
  /** Every command that was carried out, in order. */
  readonly done: HostCommand[] = [];
  readonly reports: VmReport[] = [];
  /** How the next commands of a kind fail. */
  readonly failures = new Map<HostCommand['kind'], Failing[]>();
  /** What happens to the next copies sent, one each: lost before they arrive, or their answer is. */
  readonly losses: ('command' | 'answer')[] = [];
  isReachable = true;
  /** So many orders come that were made for a journal that this host had before. */
  outdatedOrders = 0;
  /** Whether commands are taken and not ended. */
  isHung = false;
  /** Whether what was taken and has not ended is being taken back. */
  isUndoing = false;
  readonly #newest = new Map<VmId, CommandOrder>();
  readonly #taken = new Set<string>();
  readonly #hanging: HostCommand[] = [];

  constructor(hostId: HostId) {
    this.hostId = hostId;
  }

  receive(command: HostCommand): HostCommandAnswer {
    if (!this.isReachable) throw new Fault('SERVICE_UNAVAILABLE', 'not-applied', 'nobody listens');
    if (this.outdatedOrders > 0) {
      this.outdatedOrders -= 1;
      return { kind: 'other-journal' };
    }
    const loss = this.losses.shift();
    if (loss === 'command') throw new Fault('TIMED_OUT', 'unknown', 'lost on the way');
    const answer = this.#take(command);
    if (loss === 'answer') throw new Fault('TIMED_OUT', 'unknown', 'the answer was lost');
    return answer;
  }

  /** Tells what it has, behind what it has reported. */
  look({ vmId, commandId }: VmLook): HostCommandAnswer {
    if (!this.isReachable) throw new Fault('SERVICE_UNAVAILABLE', 'not-applied', 'nobody listens');
    const known = this.#newest.get(vmId);
    const isAtIt = this.#hanging.some((command) => command.vmId === vmId);
    const powerState = this.power.get(vmId) ?? 'ABSENT';
    const generation = this.generations.get(vmId) ?? known?.generation;
    const ours = powerState === 'ABSENT' || generation === undefined ? {} : { generation };
    const underWay = isAtIt ? { underWay: this.isUndoing ? ('undoing' as const) : ('forward' as const) } : {};
    this.reports.push({ kind: 'vm-state', vmId, commandId, ...underWay, powerState, ...ours });
    return { kind: 'taken' };
  }

  /** As an order that vm-manager never gave leaves the journal. */
  forge(vmId: VmId, order: CommandOrder): void {
    this.#newest.set(vmId, order);
  }

  lower({ vmId, from, to }: VmLower): HostCommandAnswer {
    if (!this.isReachable) throw new Fault('SERVICE_UNAVAILABLE', 'not-applied', 'nobody listens');
    const newest = this.#newest.get(vmId);
    if (newest === undefined || compareCommandOrders(newest, to) <= 0) return { kind: 'taken' };
    if (compareCommandOrders(newest, from) !== 0) return { kind: 'superseded', newest };
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
    const busy = [...new Set(this.#hanging.map(({ vmId }) => vmId))];
    this.reports.push({ kind: 'full-list', part: 0, isLast: true, domains, busy });
  }

  /** Raises what it knows to the table of vm-manager. */
  raise(vmId: VmId, order: CommandOrder): void {
    const known = this.#newest.get(vmId);
    if (known === undefined || compareCommandOrders(known, order) < 0) this.#newest.set(vmId, order);
  }

  /** Ends what was taken while it hung. */
  resume(): void {
    this.isHung = false;
    for (const command of this.#hanging.splice(0)) this.#carryOut(command);
  }

  #take(command: HostCommand): HostCommandAnswer {
    if (this.#taken.has(command.commandId)) return { kind: 'taken' };
    const order = { generation: command.generation, revision: command.revision };
    const newest = this.#newest.get(command.vmId);
    if (newest !== undefined && compareCommandOrders(order, newest) <= 0) return { kind: 'superseded', newest };
    this.#newest.set(command.vmId, order);
    this.#taken.add(command.commandId);
    if (this.isHung) this.#hanging.push(command);
    else this.#carryOut(command);
    return { kind: 'taken' };
  }

  #carryOut(command: HostCommand): void {
    const newest = this.#newest.get(command.vmId);
    const order = { generation: command.generation, revision: command.revision };
    const { commandId, vmId, operationId, generation, revision } = command;
    const head = { kind: 'command-finished', commandId, vmId, operationId, generation, revision } as const;
    const report = (result: CommandFinished['result']) =>
      this.reports.push({ ...head, powerState: this.power.get(vmId) ?? 'ABSENT', result });
    if (newest !== undefined && compareCommandOrders(order, newest) < 0) {
      report({ kind: 'superseded' });
      return;
    }
    this.done.push(command);
    const failure = this.failures.get(command.kind)?.shift();
    if (failure !== undefined) {
      report(failure);
      return;
    }
    const after = powerAfter(command, this.power.has(vmId));
    if (after === undefined) {
      const error = { code: 'HYPERVISOR_FAILED', detail: 'there is no such domain' } as const;
      report({ kind: 'failed', step: command.kind, error, undone: [], left: [] });
      return;
    }
    if (after === 'ABSENT') this.power.delete(vmId);
    else this.power.set(vmId, after);
    if (isDefiningKind(command.kind)) this.generations.set(vmId, generation);
    report({ kind: 'done', wasForced: false, ...(isDefiningKind(command.kind) ? { definition } : {}) });
  }
}

/** All hosts behind the port. */
export class FakeHosts implements HostCommands {
  readonly all: readonly FakeHost[];
  readonly sent: { readonly hostId: HostId; readonly command: HostCommand }[] = [];
  /** Called with the number of each send, counted from 1, before and after the host has it. */
  onSend: (send: number, moment: 'before' | 'after') => void = () => undefined;

  constructor(all: readonly FakeHost[]) {
    this.all = all;
  }

  host(hostId: HostId): FakeHost {
    const found = this.all.find((host) => host.hostId === hostId);
    if (found === undefined) throw new Fault('SERVICE_UNAVAILABLE', 'not-applied', `no host ${hostId}`);
    return found;
  }

  async send(hostId: HostId, command: HostCommand): Promise<HostCommandAnswer> {
    this.sent.push({ hostId, command });
    const number = this.sent.length;
    this.onSend(number, 'before');
    const answer = this.host(hostId).receive(command);
    this.onSend(number, 'after');
    return answer;
  }

  async look(hostId: HostId, look: VmLook): Promise<HostCommandAnswer> {
    return this.host(hostId).look(look);
  }

  async lower(hostId: HostId, lower: VmLower): Promise<HostCommandAnswer> {
    return this.host(hostId).lower(lower);
  }
}

function isDefiningKind(kind: HostCommand['kind']): boolean {
  return kind === 'create' || kind === 'start';
}

function powerAfter(command: HostCommand, isThere: boolean): PowerState | undefined {
  if (!isThere && command.kind === 'stop') return 'ABSENT';
  if (!isThere && command.kind !== 'create' && command.kind !== 'delete') return undefined;
  switch (command.kind) {
    case 'create':
      return command.powerOn ? 'RUNNING' : 'STOPPED';
    case 'start':
    case 'reboot':
    case 'reset':
    case 'resume':
      return 'RUNNING';
    case 'stop':
      return 'STOPPED';
    case 'pause':
      return 'PAUSED';
    case 'delete':
      return 'ABSENT';
  }
}
