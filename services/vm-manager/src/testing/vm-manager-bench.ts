import { FoldSaver } from '@drover/aggregate';
import {
  DEFAULT_CLUSTER,
  DEFAULT_PROJECT,
  readOrderTable,
  START,
  streamKindOf,
  type EventId,
  type FleetId,
  type HostId,
  type NewEvent,
  type OperationId,
  type Position,
  type StoredEvent,
  type StoredStraysEvent,
  type StoredVmEvent,
  type VmId,
  type VmCommand,
  type VmCommandKind,
  isFailure,
} from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { createMemoryEventStore, type MemoryEventStore, type Subscription } from '@drover/event-store';
import type { CommandAnswer } from '../application/vm-command.handler.js';
import { vmAggregate } from '../application/vm-folds.state.js';
import { HostJournals } from '../application/host-journals.state.js';
import { VmManager, type FollowedEvent } from '../application/vm-manager.process.js';
import type { UnworkableMessage } from '../application/ports/dead-letters.port.js';
import { defaultTimeouts } from '../domain/vm/timeouts.policy.js';
import { initialState, type VmState } from '../domain/vm/vm.state.js';
import { FaultyStore } from '@drover/aggregate/testing';
import { FakeHost, FakeHosts, FakeScheduler } from './fake-fleet.js';
import { ManualClock } from '@drover/operations/testing';
import { command, hostA, hostB, hostC, operationOf, spec, user, vmId } from './vm-facts.js';

/** How often an agent lists its VMs. */
const FULL_LIST_MS = 60_000;

/** The service on a memory store, with three fake hosts and time in the hand of the spec. */
export class VmManagerBench {
  readonly clock = new ManualClock();
  readonly store: MemoryEventStore;
  /** The same store, as the service reaches it. */
  readonly faultyStore: FaultyStore;
  readonly scheduler = new FakeScheduler([hostA, hostB, hostC]);
  readonly hosts = new FakeHosts([hostA, hostB, hostC].map((id) => new FakeHost(id)));
  readonly deadLetters: UnworkableMessage[] = [];
  /** What the store's feed has brought the process that runs. */
  readonly followed: StoredEvent[] = [];
  readonly told: { readonly message: string; readonly fields: unknown }[] = [];
  /** By how much the wall clock of vm-manager's machine is off. */
  wallClockOffMs = 0;
  /** What the lease says when it is looked at; a process that stood still may not have been told yet that it is lost. */
  isHolding = true;
  manager: VmManager;
  /** Sequence of the last report that each host numbered, and of the first it has not had acknowledged. */
  readonly #sequences = new Map<HostId, { last: number; acknowledged: number; listedAtMs: number }>();
  /** The last state of VMs that are over, which the service itself lets go. */
  readonly #last = new Map<VmId, VmState>();
  #feed: Subscription | undefined;
  #saver: FoldSaver | undefined;
  #position: Position = START;
  /** Whose term it is, once it has read to the tail. */
  #serving: VmManager | undefined;

  constructor() {
    // The store's clock is another machine's: what follows from `recordedAt` must not be mixed up with the writer's time.
    const clock = { epochMs: () => this.clock.epochMs() + 3_000, monotonicMs: () => this.clock.monotonicMs() };
    this.store = createMemoryEventStore({ clock });
    this.faultyStore = new FaultyStore(this.store);
    this.manager = this.#newManager();
  }

  /** A bench whose hosts are registered and whose only replica is active. */
  static async started(): Promise<VmManagerBench> {
    const bench = new VmManagerBench();
    await bench.#seed();
    await bench.activate();
    return bench;
  }

  async activate(): Promise<void> {
    const { manager } = this;
    this.followed.length = 0;
    this.#saver = new FoldSaver('vm-manager', manager.saved, this.store.foldSnapshots);
    this.#position = await this.#saver.restore();
    const follow = (events: readonly StoredEvent[], upTo: Position) => {
      for (const event of events) manager.follow(event as FollowedEvent);
      if (manager === this.manager) this.followed.push(...events);
      if (manager === this.manager) this.#position = upTo;
    };
    this.#feed = this.faultyStore.follow(['vm', 'strays', 'image', 'host', 'cluster'], follow, this.#position);
    await this.winLease();
  }

  get isActive(): boolean {
    return this.#serving === this.manager && this.isHolding;
  }

  loseLease(): void {
    this.#serving = undefined;
    this.manager.deactivate();
  }

  async winLease(): Promise<void> {
    await this.#feed?.caughtUp();
    await this.manager.folds.streams.loadMissed();
    await this.manager.activate(() => this.isHolding);
    this.#serving = this.manager;
  }

  /** What the next process starts from. */
  async saveSnapshot(): Promise<void> {
    await this.manager.folds.streams.loadMissed();
    await this.#saver?.save(this.#position);
  }

  /** Kills the process between two steps and starts another on the same store. */
  async crash(): Promise<void> {
    this.loseLease();
    await this.#feed?.stop();
    this.manager = this.#newManager();
    await this.activate();
  }

  command(kind: VmCommandKind, name: string, fields: object = {}): Promise<CommandAnswer> {
    const base = { kind, commandId: command(name), actor: user, projectId: DEFAULT_PROJECT };
    const target = kind === 'create' ? { name: 'web', spec: spec(), powerOn: true } : { vmId };
    return this.manager.commands.handle({ ...base, ...target, ...fields } as unknown as VmCommand);
  }

  /** Sends a command as a client does: again and again with the same id until there is an answer. */
  async insist(kind: VmCommandKind, name: string, fields: object = {}): Promise<CommandAnswer> {
    for (let attempt = 0; attempt < 50; attempt += 1) {
      try {
        return await this.command(kind, name, fields);
      } catch (error) {
        if (!isFailure(error)) throw error;
        await this.until(() => this.isActive);
      }
    }
    throw new Error(`${kind} was never answered`);
  }

  state(id: VmId = vmId): VmState {
    const { folds } = this.manager.folds.streams;
    return folds.has(id) ? folds.get(id).state : (this.#last.get(id) ?? initialState);
  }

  async events(id: VmId = vmId): Promise<readonly StoredVmEvent[]> {
    return (await this.#read(`vm-${id}`)) as readonly StoredVmEvent[];
  }

  /** As a strict reader takes them: what is stored stands for ever, so an event that breaks its schema is an error. */
  async #read(stream: string): Promise<readonly StoredEvent[]> {
    const events = await this.store.read(stream);
    for (const { type, data } of events) streamKindOf(stream)?.events[type]?.parse(data);
    return events;
  }

  /** What was recorded of the domains that a host has of no VM. */
  async strays(hostId: HostId): Promise<readonly StoredStraysEvent[]> {
    return (await this.#read(`strays-${hostId}`)) as readonly StoredStraysEvent[];
  }

  async types(id: VmId = vmId): Promise<readonly string[]> {
    return (await this.events(id)).map((event) => event.type);
  }

  /** Runs until the operation of this command has ended, and tells how. */
  async ended(name: string, id: VmId = vmId): Promise<StoredVmEvent> {
    const operationId = operationOf(name);
    await this.until(() => {
      const state = this.state(id);
      return (
        state.operation?.operationId !== operationId &&
        state.knownOperations.some((known) => known.operationId === operationId)
      );
    });
    return this.end(operationId, id);
  }

  async end(operationId: OperationId, id: VmId = vmId): Promise<StoredVmEvent> {
    const types = ['OperationSucceeded', 'OperationFailed', 'OperationCancelled'];
    const events = await this.events(id);
    const ends = events.filter((event) => types.includes(event.type) && event.meta.operationId === operationId);
    if (ends.length !== 1 || ends[0] === undefined) throw new Error(`operation ended ${ends.length} times`);
    return ends[0];
  }

  /** Lets everything run, with time moving on where all wait, until the condition holds. */
  async until(condition: () => boolean): Promise<void> {
    for (let turn = 0; turn < 20_000; turn += 1) {
      if (condition()) return;
      await new Promise((resolve) => setImmediate(resolve));
      await this.deliverReports();
      if (turn % 4 === 3) this.clock.advance(Math.min(this.clock.nextInMs ?? 0, 60_000));
    }
    throw new Error('the condition was never met');
  }

  /** Lets time pass, with everything running. */
  async pass(ms: number): Promise<void> {
    const endMs = this.clock.monotonicMs() + ms;
    await this.until(() => this.clock.monotonicMs() >= endMs);
  }

  /** Hands over every host's reports; those that were not acknowledged come again. */
  async deliverReports(): Promise<void> {
    for (const host of this.hosts.all) {
      const numbers = this.#numbers(host.hostId);
      const nowMs = this.clock.monotonicMs();
      if (host.isReachable && nowMs - numbers.listedAtMs >= FULL_LIST_MS) {
        host.list();
        numbers.listedAtMs = nowMs;
      }
      numbers.last = host.reports.length;
      if (numbers.last === numbers.acknowledged || !host.isReachable || !this.isActive) continue;
      const answer = await this.report(host.hostId, numbers.acknowledged).catch(refusedOnly);
      if (answer?.kind === 'answered' && answer.value.kind === 'acknowledged') {
        numbers.acknowledged = answer.value.throughSequence;
      }
    }
  }

  /** Sends a host's reports from this one on, acknowledged before or not. */
  report(hostId: HostId, from = 0) {
    const at = new Date(this.clock.epochMs()).toISOString();
    const reports = this.hosts
      .host(hostId)
      .reports.slice(from)
      .map((report, index) => ({ sequence: from + index + 1, at, report }));
    return this.manager.reports.handle({ kind: 'reports', hostId, journalEpoch: 1, reports });
  }

  async openLane(hostId: HostId) {
    return this.manager.reports.handle({ kind: 'open', hostId, journalEpoch: 1, nonce: 'n' });
  }

  /** What an agent does after each (re)connect: it opens its lane and raises its journal to the table. */
  async reconnect(hostId: HostId): Promise<void> {
    const host = this.hosts.host(hostId);
    const answer = await this.openLane(hostId);
    if (answer.kind !== 'answered' || answer.value.kind !== 'table') throw new Error('the lane was not opened');
    for (const { subject, rank } of readOrderTable(answer.value)) host.raise(subject.id, rank);
    host.isReachable = true;
  }

  #numbers(hostId: HostId) {
    let numbers = this.#sequences.get(hostId);
    if (numbers === undefined) {
      numbers = { last: 0, acknowledged: 0, listedAtMs: this.clock.monotonicMs() };
      this.#sequences.set(hostId, numbers);
    }
    return numbers;
  }

  #newManager(): VmManager {
    const tell = (message: string, fields?: unknown) => void this.told.push({ message, fields });
    const manager: VmManager = new VmManager({
      store: this.faultyStore,
      scheduler: this.scheduler,
      hosts: this.hosts,
      journals: new HostJournals(),
      deadLetters: { keep: (letter) => Promise.resolve(void this.deadLetters.push(letter)) },
      clock: {
        epochMs: () => this.clock.epochMs() + this.wallClockOffMs,
        monotonicMs: () => this.clock.monotonicMs(),
      },
      timer: this.clock,
      timeouts: defaultTimeouts,
      isActive: () => this.#serving === manager && this.isHolding,
      log: { warn: tell, error: tell },
    });
    manager.folds.onChange((id, _, after) => {
      if (vmAggregate.isOver?.(after) === true) this.#last.set(id, after);
    });
    return manager;
  }

  async #seed(): Promise<void> {
    const fleetId = derivedId('spec', 'fleet') as FleetId;
    await this.store.append(`cluster-${DEFAULT_CLUSTER}`, 'no-stream', [
      this.#event('ClusterCreated', { clusterId: DEFAULT_CLUSTER, fleetId, storeEpoch: 1 }),
    ]);
    for (const hostId of [hostA, hostB, hostC]) await this.register(hostId, 1);
  }

  /** ha-manager has not heard it for a while. */
  async suspect(hostId: HostId): Promise<void> {
    await this.store.append(`host-${hostId}`, 'any', [
      this.#event('HostSuspected', { hostId, missedHeartbeats: 3, at: this.clock.epochMs() }),
    ]);
    await this.#feed?.caughtUp();
  }

  /** Only what vm-manager reads of a registration is of interest here. */
  async register(hostId: HostId, journalEpoch: number): Promise<void> {
    await this.store.append(`host-${hostId}`, 'any', [
      this.#event('HostRegistered', { hostId, clusterId: DEFAULT_CLUSTER, journalEpoch }),
    ]);
    await this.#feed?.caughtUp();
  }

  #event(type: string, data: object): NewEvent {
    const at = new Date(this.clock.epochMs()).toISOString();
    const id = derivedId(JSON.stringify(data), type) as EventId;
    return { id, type, schemaVersion: 1, data, meta: { at, actor: user } };
  }
}

/** An agent sends again what met a fault; anything else is a defect. */
function refusedOnly(error: unknown): undefined {
  if (!isFailure(error)) throw error;
}
