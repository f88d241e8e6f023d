import { newEvents, Streams, type Aggregate, type StreamStore } from '@drover/aggregate';
import {
  vmIdSchema,
  vmSubject,
  type HostId,
  type HostOrderAnswer,
  type OperationId,
  type OrderId,
  type StoredVmEvent,
  type VmFact,
  type VmId,
} from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { HostHearing } from '../host-hearing.state.js';
import type { HostOrders } from '../host-orders.port.js';
import { Operations } from '../operations.process.js';
import type { Cause } from '../work.js';
import type { Workings } from '../workings.js';
import { ManualClock } from './manual-clock.js';

export const thing = vmIdSchema.parse(derivedId('thing', 'vm'));
export const hosts = ['a', 'b'].map((name) => derivedId(name, 'host') as HostId) as [HostId, HostId];
export const operationId = derivedId('removal', 'operation') as OperationId;
const timeoutMs = 60_000;

/** A small kind for specs: a thing that two hosts have, and that is gone when both have removed it. */
export interface Removal {
  readonly cause?: Cause;
  readonly beganAtMs: number;
  readonly left: readonly HostId[];
}

const removals: Aggregate<Removal, StoredVmEvent> = {
  kind: 'vm',
  stateVersion: 1,
  initialState: { beganAtMs: 0, left: [] },
  evolve: (state, event) => {
    if (event.type === 'OperationBegan') {
      const cause = { eventId: event.id, revision: event.revision };
      return { cause, beganAtMs: Date.parse(event.recordedAt), left: hosts };
    }
    if (event.type === 'VmDriftSettled') return { ...state, left: state.left.filter((id) => id !== event.data.hostId) };
    if (event.type !== 'OperationSucceeded' && event.type !== 'OperationFailed') return state;
    return { beganAtMs: 0, left: [] };
  },
};

const workings: Workings<Removal, VmId, VmFact, never> = {
  undoMs: timeoutMs,
  subjectOf: vmSubject,
  workOf: ({ cause, beganAtMs, left }) =>
    cause === undefined
      ? undefined
      : {
          ...{ operationId, hostIds: left, round: operationId, wasRefused: false, delays: 0, isUnheard: false },
          since: { key: operationId, recordedAtMs: beganAtMs },
        },
  due: (id, { cause, left }, passed) => {
    if (cause === undefined) return { effects: [] };
    if (left.length === 0) {
      return { effects: [{ kind: 'record', cause, facts: [{ type: 'OperationSucceeded', data: { operationId } }] }] };
    }
    const heardMs = Math.min(...left.map((hostId) => passed.on(hostId).heardMs));
    if (heardMs >= timeoutMs) return { effects: [{ kind: 'record', cause, facts: [failed('OPERATION_OVERDUE')] }] };
    const orderOn = (hostId: HostId) => ({
      ...({ kind: 'delete', subject: vmSubject(id), operationId, generation: { epoch: 1, n: 1 } } as const),
      ...{ orderId: derivedId(cause.eventId, hostId) as OrderId, revision: cause.revision },
    });
    return {
      effects: left.map((hostId) => ({ kind: 'send', hostId, cause, order: orderOn(hostId) })),
      leftMs: timeoutMs - heardMs,
    };
  },
  settleAnswer: (_state, _cause, { kind }) => (kind === 'superseded' ? [failed('SUPERSEDED')] : []),
  carryOut: () => Promise.resolve('done'),
};

function failed(code: 'OPERATION_OVERDUE' | 'SUPERSEDED'): VmFact {
  return {
    type: 'OperationFailed',
    data: { operationId, step: 'delete', code, reason: 'spec', undone: [], left: [] },
  };
}

/** The executor over a store, with hosts that answer as a spec says. */
export class RemovalBench {
  readonly clock = new ManualClock();
  readonly hearing = new HostHearing(this.clock);
  readonly streams: Streams<Removal, StoredVmEvent, VmId>;
  readonly operations: Operations<Removal, StoredVmEvent, VmId, VmFact, never>;
  /** Hosts in the order in which orders came to them. */
  readonly sent: HostId[] = [];
  readonly said: string[] = [];
  readonly answers = new Map<HostId, () => Promise<HostOrderAnswer>>();
  isHolding = true;
  #reports = 0;

  constructor(store: StreamStore) {
    this.streams = new Streams(store, removals);
    const orders: HostOrders = {
      send: (hostId) => {
        this.sent.push(hostId);
        return this.answers.get(hostId)?.() ?? Promise.resolve({ kind: 'taken' });
      },
      look: () => Promise.resolve({ kind: 'taken' }),
      lower: () => Promise.resolve({ kind: 'taken' }),
    };
    this.operations = new Operations(
      {
        streams: this.streams,
        onHost: () => new Set(this.streams.folds.ids()),
        actor: { kind: 'service', id: 'spec' },
        orders,
        ...{ hearing: this.hearing, clock: this.clock, timer: this.clock },
        log: { warn: (line) => void this.said.push(line), error: (line) => void this.said.push(line) },
      },
      workings,
    );
  }

  activate(): void {
    this.hearing.begin();
    this.operations.activate(() => this.isHolding, this.clock.epochMs());
  }

  begin(): Promise<unknown> {
    const began = { operationId, kind: 'vm.delete', timeoutMs } as const;
    return this.#append('begin', [{ type: 'OperationBegan', data: began }]);
  }

  /** The host reports that it has removed its part. */
  removed(hostId: HostId): Promise<unknown> {
    this.#reports += 1;
    const source = { hostId, journalEpoch: 1, sequence: this.#reports };
    return this.#append(`removed ${hostId}`, [{ type: 'VmDriftSettled', data: { source, hostId, kind: 'unknown' } }]);
  }

  get state(): Removal {
    return this.streams.folds.get(thing).state;
  }

  /** Lets everything go on that waits for nothing but other code. */
  async settled(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) {
      this.clock.advance(0);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #append(causationId: string, facts: readonly VmFact[]): Promise<unknown> {
    const origin = { actor: { kind: 'service', id: 'spec' } as const, causationId, atMs: this.clock.epochMs() };
    return this.streams.change(thing, () => ({ events: newEvents(facts, origin), result: undefined }));
  }
}
