import type { HostOrderAnswer, VmFact, VmId } from '@drover/contracts';
import type { Cause, CommonEffect, PassedOnHost } from '@drover/operations';
import { pendingOrder } from './host-order.process.js';
import { nameTakenFacts } from './name-taken.policy.js';
import { overdueFacts, undoOverdueFacts, unheardFacts } from './overdue.policy.js';
import { placementQuestion, type PlacementQuestion } from './placement.process.js';
import { failOperation } from '../vm/fail-operation.policy.js';
import { hostOrderId, type OpenOperation, type VmState } from '../vm/vm.state.js';

/** What only VMs need: a host. */
export interface PlaceEffect {
  readonly kind: 'place';
  readonly cause: Cause;
  readonly question: PlacementQuestion;
}

/** What is to be done for a VM now: one thing at a time. */
export type Effect = PlaceEffect | CommonEffect<VmFact>;

/** What must be known of other VMs before anything is done for one that was just requested. */
export interface NameStanding {
  /** Whether everything has been read that stands before the VM's request in the store. */
  readonly isKnown: boolean;
  /** The VM of the project that had the name before this one was requested. */
  readonly earlierHolder?: VmId | undefined;
}

/** What has passed for the open operation, by our own monotonic clock; without a host, it was not heard. */
export interface VmPassed extends PassedOnHost {
  /** Since it began, or since its undo did. */
  readonly ageMs: number;
}

export interface Due {
  readonly effect?: Effect;
  /** What is left of the operation's time: look again then at the latest. */
  readonly leftMs?: number;
}

/**
 * The process manager of a VM: what follows from its stream, and from what has passed.
 *
 * It remembers nothing: after any crash the same stream gives the same effects, and each is safe to repeat. What a host was asked to
 * do ends by the host's word alone: when its time is over, the host is asked what it has (safety.md 15).
 */
export function due(state: VmState, passed: VmPassed, undoTimeoutMs: number, name: NameStanding): Due {
  const operation = state.operation;
  if (operation === undefined) return state.owedUndo === undefined ? {} : sending(state);
  const { undoing } = operation;
  if (undoing !== undefined) {
    const leftMs = undoTimeoutMs - passed.ageMs;
    if (leftMs > 0) return { ...sending(state), leftMs };
    const facts = undoOverdueFacts(state, operation, undoing.because);
    return { effect: { kind: 'record', cause: undoing.cause, facts } };
  }
  return state.hostId === undefined
    ? beforePlacement(state, operation, passed, name)
    : onHost(state, operation, passed);
}

/** No host has heard of it, so the clock alone may end it. */
function beforePlacement(state: VmState, operation: OpenOperation, passed: VmPassed, name: NameStanding): Due {
  const { cause } = operation;
  const leftMs = operation.timeoutMs - passed.ageMs;
  if (leftMs <= 0) return { effect: { kind: 'record', cause, facts: overdueFacts(state, operation) } };
  if (operation.wish.kind === 'create') {
    // Its end comes before its first step: before a VM goes on, this replica has seen that no earlier one has the name.
    if (!name.isKnown) return { leftMs };
    const { earlierHolder } = name;
    if (earlierHolder !== undefined) {
      return { effect: { kind: 'record', cause, facts: nameTakenFacts(state, operation, earlierHolder) }, leftMs };
    }
  }
  const question = placementQuestion(state);
  return { ...(question === undefined ? {} : { effect: { kind: 'place', cause, question } }), leftMs };
}

function onHost(state: VmState, operation: OpenOperation, passed: VmPassed): Due {
  const { timeoutMs, cause, isUnheard } = operation;
  const leftMs = timeoutMs - passed.heardMs;
  const isOld = passed.ageMs >= timeoutMs;
  if (!passed.isHeard && isOld && !isUnheard) {
    return { effect: { kind: 'record', cause, facts: unheardFacts(state, operation, passed.unheardSince) } };
  }
  if (leftMs > 0) return { ...sending(state), leftMs: passed.isHeard || isOld ? leftMs : timeoutMs - passed.ageMs };
  const delivering = pendingOrder(state);
  return delivering === undefined ? {} : { effect: { kind: 'look', ...delivering } };
}

function sending(state: VmState): Due {
  const delivering = pendingOrder(state);
  return delivering === undefined ? {} : { effect: { kind: 'send', ...delivering } };
}

/** The facts that follow from the host's answer to an order that was sent; mostly none, because its report tells the end. */
export function settleAnswer(state: VmState, cause: Cause, answer: HostOrderAnswer): readonly VmFact[] {
  const pending = pendingOrder(state);
  const { operation } = state;
  if (operation === undefined || pending?.order.orderId !== hostOrderId(cause)) return [];
  if (answer.kind === 'superseded') {
    const { generation, revision } = answer.newest;
    const reason = `the host has taken a newer order for this VM: generation ${generation.epoch}.${generation.n}, revision ${revision}`;
    return [failOperation(operation, { code: 'SUPERSEDED', reason })];
  }
  if (answer.kind !== 'refused') return [];
  const { code, detail } = answer;
  // An earlier release of the agent may have taken the same order before, so the VM is not taken to be gone.
  const left = operation.wish.kind === 'create' ? [`the VM may be on host ${pending.hostId}; delete it`] : [];
  return [failOperation(operation, { code, reason: `host ${pending.hostId}: ${detail}`, left })];
}
