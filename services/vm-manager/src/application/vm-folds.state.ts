import { Streams, type Aggregate, type Change, type StreamStore } from '@drover/aggregate';
import {
  vmKind,
  type HostId,
  type Position,
  type ProjectId,
  type StoredEvent,
  type StoredVmEvent,
  type VmId,
} from '@drover/contracts';
import { imagesOfDisks } from '../domain/image/pin-images.policy.js';
import { confirmed, evolve } from '../domain/vm/vm-evolution.state.js';
import { initialState, type VmState } from '../domain/vm/vm.state.js';

export interface Changed<Result> {
  readonly state: VmState;
  readonly result: Result;
  /** The events had been stored before. */
  readonly wasRepeat: boolean;
}

/** @param requestedAt position of the VM's first event, as far as it is known. */
export type VmListener = (vmId: VmId, before: VmState, after: VmState, requestedAt: Position) => void;

/** What this service keeps of each VM. A raised `stateVersion` makes it read all events once at its next start. */
export const vmAggregate: Aggregate<VmState, StoredVmEvent> = {
  kind: vmKind.name,
  stateVersion: 3,
  initialState,
  evolve,
  confirmed,
  isOver: ({ phase, operation, owedUndo }) => phase === 'deleted' && operation === undefined && owedUndo === undefined,
};

/** The VMs: their folds, by what their operations need to find, and the way to change them. */
export class VmFolds {
  readonly streams: Streams<VmState, StoredVmEvent, VmId>;
  /** VMs with an open operation. */
  readonly openVms: ReadonlySet<VmId>;
  readonly #byHost: (hostId: HostId) => ReadonlySet<VmId>;
  readonly #byImage: (key: string) => ReadonlySet<VmId>;

  constructor(store: StreamStore) {
    this.streams = new Streams(store, vmAggregate);
    const { folds } = this.streams;
    this.openVms = folds.idsWhere(({ operation }) => operation !== undefined);
    this.#byHost = folds.indexBy(hostsOf);
    this.#byImage = folds.indexBy(imagesOf);
  }

  /** As far as it is in memory: one that is not is unknown, or has been deleted. */
  get(vmId: VmId): VmState {
    return this.streams.folds.get(vmId).state;
  }

  has(vmId: VmId): boolean {
    return this.streams.folds.has(vmId);
  }

  /** Read from the store where it is not in memory. */
  async load(vmId: VmId): Promise<VmState> {
    return (await this.streams.load(vmId)).state;
  }

  get size(): number {
    return this.streams.folds.size;
  }

  /** Whether everything is folded that stands before the VM's request in the store, streams of other VMs included. */
  isReadUpToRequest(vmId: VmId): boolean {
    return !this.streams.folds.isAheadOfFeed(vmId);
  }

  /** VMs that the store gives the host, or that have drift there. */
  vmsOf(hostId: HostId): ReadonlySet<VmId> {
    return this.#byHost(hostId);
  }

  /** VMs with a disk on the image of this project and digest. */
  usersOf(projectId: ProjectId, image: string): ReadonlySet<VmId> {
    return this.#byImage(`${projectId}/${image}`);
  }

  onChange(listener: VmListener): void {
    this.streams.folds.onChange((vmId, after, before) => {
      listener(vmId, before.state, after.state, after.firstPosition);
    });
  }

  /** Takes an event from the store's feed: in the order of the whole store. */
  follow(event: StoredVmEvent): void {
    this.streams.folds.follow(event);
  }

  /** Decides and appends; see `Streams`. `isNew` where the VM most probably does not exist yet. */
  change<Result>(vmId: VmId, decide: (state: VmState) => Change<Result>, isNew = false): Promise<Changed<Result>> {
    const change = isNew ? this.streams.create.bind(this.streams) : this.streams.change.bind(this.streams);
    return change(vmId, ({ state }) => decide(state));
  }

  /** Reads what the stream holds beyond the fold. */
  async refresh(vmId: VmId): Promise<VmState> {
    return (await this.streams.refresh(vmId)).state;
  }

  /** The first event of the VM's stream that follows from this cause. Reads all of it. */
  effectOf(vmId: VmId, causationId: string): Promise<StoredEvent | undefined> {
    return this.streams.effectOf(vmId, causationId);
  }
}

function hostsOf({ hostId, drift }: VmState): readonly HostId[] {
  const others = drift.map((found) => found.hostId);
  return hostId === undefined ? others : [hostId, ...others];
}

function imagesOf({ identity }: VmState): readonly string[] {
  return identity === undefined ? [] : imagesOfDisks(identity.spec).map((image) => `${identity.projectId}/${image}`);
}
