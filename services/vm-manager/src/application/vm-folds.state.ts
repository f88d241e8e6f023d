import {
  Fault,
  isKnownEvent,
  type HostId,
  type NewVmEvent,
  type StoredEvent,
  type StoredVmEvent,
  type VmId,
} from '@drover/contracts';
import { confirmed, evolve } from '../domain/vm/vm-evolution.state.js';
import { initialState, type VmState } from '../domain/vm/vm.state.js';
import type { VmStore } from './ports/vm-store.port.js';
import { storedAs, streamOf, vmIdOfStream } from './vm-events.policy.js';

/** How often a decision is taken again because another replica wrote first. */
const MAX_CONFLICTS = 10;

export interface Change<Result> {
  readonly events: readonly NewVmEvent[];
  readonly result: Result;
}

export interface Changed<Result> {
  readonly state: VmState;
  readonly result: Result;
}

export type ChangeListener = (vmId: VmId, before: VmState, after: VmState) => void;

/**
 * The fold of every VM in memory. It follows the store, and takes this process's own appends at once; an event counts once,
 * by its revision, whichever way it comes first.
 *
 * Changes of one VM wait for each other; those of different VMs do not.
 */
export class VmFolds {
  readonly #store: VmStore;
  readonly #states = new Map<VmId, VmState>();
  /** VMs whose stream may hold more than was followed, because an append was not answered or met a conflict. */
  readonly #stale = new Set<VmId>();
  readonly #tails = new Map<VmId, Promise<unknown>>();
  readonly #open = new Set<VmId>();
  readonly #owing = new Set<VmId>();
  /** VMs whose request was folded before the store was read up to it. */
  readonly #ahead = new Set<VmId>();
  readonly #byHost = new Map<HostId, Set<VmId>>();
  readonly #listeners: ChangeListener[] = [];

  constructor(store: VmStore) {
    this.#store = store;
  }

  get(vmId: VmId): VmState {
    return this.#states.get(vmId) ?? initialState;
  }

  get size(): number {
    return this.#states.size;
  }

  /** VMs with an open operation. */
  get openVms(): ReadonlySet<VmId> {
    return this.#open;
  }

  /** VMs whose creation ended before its host confirmed that nothing is left of it. */
  get owingVms(): ReadonlySet<VmId> {
    return this.#owing;
  }

  /** Whether everything is folded that stands before the VM's request in the store, streams of other VMs included. */
  isReadUpToRequest(vmId: VmId): boolean {
    return !this.#ahead.has(vmId);
  }

  /** VMs that the store gives the host or once gave it, or that had drift there. */
  vmsOf(hostId: HostId): Iterable<VmId> {
    return this.#byHost.get(hostId) ?? [];
  }

  onChange(listener: ChangeListener): void {
    this.#listeners.push(listener);
  }

  /** Takes an event from the store's feed: in the order of the whole store. */
  follow(event: StoredVmEvent): void {
    this.#fold(event);
    const vmId = vmIdOfStream(event.stream);
    if (event.type !== 'VmRequested' || !this.#ahead.delete(vmId)) return;
    const state = this.get(vmId);
    this.#tell(vmId, state, state);
  }

  #fold(event: StoredVmEvent): void {
    const vmId = vmIdOfStream(event.stream);
    const state = this.get(vmId);
    if (event.revision === state.revision + 1) this.#put(vmId, state, evolve(state, event));
    else if (event.revision <= state.revision) {
      const settled = confirmed(state, event);
      if (settled !== state) this.#put(vmId, state, settled);
    } else throw new Error(`revision ${event.revision} of ${event.stream} came after ${state.revision}`);
  }

  /**
   * Decides on the newest state and appends what was decided; decides again where another replica wrote first. `decide` must
   * be pure but for its own caller, and may run several times.
   *
   * Throws the store's `Fault`; with the outcome `unknown` the stream is read before the next decision.
   */
  change<Result>(vmId: VmId, decide: (state: VmState) => Change<Result>): Promise<Changed<Result>> {
    const previous = this.#tails.get(vmId);
    const run = previous === undefined ? this.#change(vmId, decide) : previous.then(() => this.#change(vmId, decide));
    const tail = run.then(ignore, ignore).then(() => {
      if (this.#tails.get(vmId) === tail) this.#tails.delete(vmId);
    });
    this.#tails.set(vmId, tail);
    return run;
  }

  /** Reads what the stream holds beyond the fold. */
  async refresh(vmId: VmId): Promise<VmState> {
    const events = await this.#store.read(streamOf(vmId), { fromRevision: this.get(vmId).revision + 1 });
    for (const event of events) {
      if (!isKnownEvent(event)) throw unknownEvent(event);
      this.#foldAhead(event as StoredVmEvent);
    }
    this.#stale.delete(vmId);
    return this.get(vmId);
  }

  /** The first event of the VM's stream that follows from this cause. Reads all of it. */
  async effectOf(vmId: VmId, causationId: string): Promise<StoredEvent | undefined> {
    const events = await this.#store.read(streamOf(vmId), { fromRevision: 0 });
    return events.find(({ meta }) => meta.causationId === causationId);
  }

  async #change<Result>(vmId: VmId, decide: (state: VmState) => Change<Result>): Promise<Changed<Result>> {
    for (let attempt = 0; attempt < MAX_CONFLICTS; attempt += 1) {
      const state = this.#stale.has(vmId) ? await this.refresh(vmId) : this.get(vmId);
      const { events, result } = decide(state);
      if (events.length === 0) return { state, result };
      if (await this.#append(vmId, state, events)) return { state: this.get(vmId), result };
      await this.refresh(vmId);
    }
    throw new Fault('SERVICE_UNAVAILABLE', 'not-applied', `others keep writing ${streamOf(vmId)}`);
  }

  /** Whether the events stand in the store. */
  async #append(vmId: VmId, state: VmState, events: readonly NewVmEvent[]): Promise<boolean> {
    const stream = streamOf(vmId);
    const expected = state.revision < 0 ? 'no-stream' : state.revision;
    // Until it is answered nobody knows what the stream holds.
    this.#stale.add(vmId);
    const result = await this.#store.append(stream, expected, events);
    if (result.kind === 'conflict') return false;
    if (result.wasRepeat) {
      await this.refresh(vmId);
      return true;
    }
    this.#stale.delete(vmId);
    for (const event of storedAs(events, stream, result)) {
      if (event.revision === this.get(vmId).revision + 1) this.#foldAhead(event);
    }
    return true;
  }

  /** Folds an event that the feed has yet to bring. */
  #foldAhead(event: StoredVmEvent): void {
    const vmId = vmIdOfStream(event.stream);
    if (event.type === 'VmRequested' && this.get(vmId).phase === 'unknown') this.#ahead.add(vmId);
    this.#fold(event);
  }

  #put(vmId: VmId, before: VmState, after: VmState): void {
    this.#states.set(vmId, after);
    if (after.operation !== before.operation) {
      if (after.operation === undefined) this.#open.delete(vmId);
      else this.#open.add(vmId);
    }
    if (after.owedUndo === undefined) this.#owing.delete(vmId);
    else this.#owing.add(vmId);
    const isElsewhere = after.hostId !== before.hostId || after.formerHosts !== before.formerHosts;
    if (isElsewhere || after.drift !== before.drift) this.#reindex(vmId, before, after);
    this.#tell(vmId, before, after);
  }

  #tell(vmId: VmId, before: VmState, after: VmState): void {
    for (const listener of this.#listeners) listener(vmId, before, after);
  }

  #reindex(vmId: VmId, before: VmState, after: VmState): void {
    const now = hostsOf(after);
    for (const hostId of hostsOf(before)) {
      if (!now.has(hostId)) this.#byHost.get(hostId)?.delete(vmId);
    }
    for (const hostId of now) {
      const vms = this.#byHost.get(hostId);
      if (vms === undefined) this.#byHost.set(hostId, new Set([vmId]));
      else vms.add(vmId);
    }
  }
}

function hostsOf(state: VmState): ReadonlySet<HostId> {
  const hosts = new Set<HostId>([...state.formerHosts, ...state.drift.map((drift) => drift.hostId)]);
  if (state.hostId !== undefined) hosts.add(state.hostId);
  return hosts;
}

/** A newer release wrote this stream: it must decide on it, not we (safety.md 23). */
function unknownEvent(event: StoredEvent): Fault {
  const what = `${event.type}.v${event.schemaVersion} in ${event.stream}`;
  return new Fault('SERVICE_UNAVAILABLE', 'not-applied', `this release does not know ${what}`);
}

function ignore(): void {}
