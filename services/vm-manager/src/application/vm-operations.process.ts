import type { StoredVmEvent, VmFact, VmId } from '@drover/contracts';
import { vmSubject } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import {
  Operations,
  type Attempt,
  type OpenWork,
  type OperationsOptions,
  type Outcome,
  type Workings,
} from '@drover/operations';
import { settlePlacement } from '../domain/process/placement.process.js';
import { due, settleAnswer, type PlaceEffect } from '../domain/process/vm.process.js';
import type { Timeouts } from '../domain/vm/timeouts.policy.js';
import type { VmState } from '../domain/vm/vm.state.js';
import type { Scheduler } from './ports/scheduler.port.js';
import { vmManager } from './vm-events.policy.js';
import type { VmFolds } from './vm-folds.state.js';
import type { VmNames } from './vm-names.state.js';

/** How long the scheduler holds a reservation. */
export const RESERVATION_MS = 10_000;
/**
 * A placement is appended only within this time from before it was asked for (safety.md 19). The rest is for the append: a store
 * that cannot be reached is tried for up to 5 s.
 */
export const PLACEMENT_MS = 4_500;

export interface VmOperationsOptions extends Pick<
  OperationsOptions<VmState, StoredVmEvent, VmId>,
  'clock' | 'hearing' | 'log' | 'orders' | 'timer'
> {
  readonly folds: VmFolds;
  readonly names: Pick<VmNames, 'earlierHolder'>;
  readonly scheduler: Scheduler;
  readonly timeouts: Timeouts;
  /** Absent until the fleet's first event has been read. */
  readonly storeEpoch: () => number | undefined;
}

export type VmOperations = Operations<VmState, StoredVmEvent, VmId, VmFact, PlaceEffect>;

/** Carries the open operations of all VMs to their end; what is due follows from each VM's fold (`vm.process`). */
export function vmOperations(options: VmOperationsOptions): VmOperations {
  const { folds } = options;
  return new Operations(
    { ...options, streams: folds.streams, onHost: (hostId) => folds.vmsOf(hostId), actor: vmManager },
    new VmWorkings(options),
  );
}

class VmWorkings implements Workings<VmState, VmId, VmFact, PlaceEffect> {
  readonly #options: VmOperationsOptions;
  readonly undoMs: number;
  readonly subjectOf = vmSubject;
  readonly workOf = workOf;
  readonly settleAnswer = settleAnswer;

  constructor(options: VmOperationsOptions) {
    this.#options = options;
    this.undoMs = options.timeouts.undoMs;
  }

  due(...[vmId, state, passed]: Parameters<Workings<VmState, VmId, VmFact, PlaceEffect>['due']>) {
    const { folds, names } = this.#options;
    const name = { isKnown: folds.isReadUpToRequest(vmId), earlierHolder: names.earlierHolder(vmId, state) };
    const onHost = state.hostId === undefined ? { heardMs: 0, isHeard: false } : passed.on(state.hostId);
    const { effect, ...left } = due(state, { ageMs: passed.ageMs, ...onHost }, this.undoMs, name);
    return { effects: effect === undefined ? [] : [effect], ...left };
  }

  async carryOut({ question }: PlaceEffect, attempt: Attempt<VmId, VmState, VmFact>): Promise<Outcome> {
    const { clock, folds, scheduler, storeEpoch } = this.#options;
    const epoch = storeEpoch();
    if (epoch === undefined) return 'again';
    const isInTime = within(clock, PLACEMENT_MS);
    const answer = await scheduler.place({ ...question, ttlMs: RESERVATION_MS }, attempt.trace);
    if (answer.kind === 'already-placed') {
      await folds.refresh(attempt.id);
      return 'again';
    }
    return attempt.record((state) =>
      answer.kind === 'refused' || isInTime() ? settlePlacement(state, question, answer, epoch) : [],
    );
  }
}

/** What the open operation of a VM, or the undo of its creation that has outlived one, waits for. */
function workOf({ operation, owedUndo, hostId, generation, identity }: VmState): OpenWork | undefined {
  const hostIds = hostId === undefined ? [] : [hostId];
  if (operation === undefined) {
    if (owedUndo === undefined) return undefined;
    const { operationId } = owedUndo;
    return { operationId, hostIds, round: operationId, wasRefused: false, delays: 0, isUnheard: false };
  }
  const { operationId, beganAtMs, delays, isUnheard, refusals, traceparent, undoing } = operation;
  return {
    operationId,
    since:
      undoing === undefined
        ? { key: operationId, recordedAtMs: beganAtMs }
        : { key: undoing.cause.eventId, recordedAtMs: undoing.atMs },
    hostIds,
    round: `${operationId}/${generation?.epoch}.${generation?.n}`,
    wasRefused: refusals > 0,
    delays,
    isUnheard,
    projectId: identity?.projectId,
    traceparent,
  };
}

/** Whether less than this has passed since now. */
function within(clock: Clock, ms: number): () => boolean {
  const fromMs = clock.monotonicMs();
  return () => clock.monotonicMs() - fromMs < ms;
}
