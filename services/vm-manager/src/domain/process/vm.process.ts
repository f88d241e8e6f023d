import type { HostCommandAnswer, VmFact, VmId } from '@drover/contracts';
import { pendingCommand, type Delivering } from './host-command.process.js';
import { nameTakenFacts } from './name-taken.policy.js';
import { overdueFacts, undoOverdueFacts } from './overdue.policy.js';
import { placementQuestion, type PlacementQuestion } from './placement.process.js';
import { hostCommandId, operationDueAtMs, type Cause, type VmState } from '../vm/vm.state.js';

/** What is to be done for a VM now. `cause` is the event it follows from: the same effect again is the same effect. */
export type Effect =
  | { readonly kind: 'place'; readonly cause: Cause; readonly question: PlacementQuestion }
  | ({ readonly kind: 'send' } & Delivering)
  /** Append these; they end the operation or begin its undo. */
  | { readonly kind: 'record'; readonly cause: Cause; readonly facts: readonly VmFact[] };

/** What must be known of other VMs before anything is done for one that was just requested. */
export interface NameStanding {
  /** Whether everything has been read that stands before the VM's request in the store. */
  readonly isKnown: boolean;
  /** The VM of the project that had the name before this one was requested. */
  readonly earlierHolder?: VmId | undefined;
}

export interface Due {
  readonly effect?: Effect;
  /** Look again at this time at the latest, milliseconds since the Unix epoch. */
  readonly atMs?: number;
}

/**
 * The process manager of a VM: what follows from its stream at this time.
 *
 * It remembers nothing: after any crash the same stream gives the same effects, and each is safe to repeat. Every wait has
 * an end that follows from an event.
 */
export function due(state: VmState, nowMs: number, undoTimeoutMs: number, name: NameStanding): Due {
  const operation = state.operation;
  if (operation === undefined) return state.owedUndo === undefined ? {} : sending(state);
  const atMs = operation.undoing === undefined ? operationDueAtMs(operation) : operation.undoing.atMs + undoTimeoutMs;
  if (nowMs >= atMs) {
    const { undoing, cause } = operation;
    return undoing === undefined
      ? { effect: { kind: 'record', cause, facts: overdueFacts(state, operation) } }
      : {
          effect: { kind: 'record', cause: undoing.cause, facts: undoOverdueFacts(state, operation, undoing.because) },
        };
  }
  if (operation.wish.kind === 'create' && state.hostId === undefined) {
    // Its end comes before its first step: whoever lets a VM go on has seen that no earlier one has the name.
    if (!name.isKnown) return { atMs };
    const { earlierHolder } = name;
    if (earlierHolder !== undefined) {
      const facts = nameTakenFacts(state, operation, earlierHolder);
      return { effect: { kind: 'record', cause: operation.cause, facts }, atMs };
    }
  }
  const question = placementQuestion(state);
  if (question !== undefined) return { effect: { kind: 'place', cause: operation.cause, question }, atMs };
  return { ...sending(state), atMs };
}

function sending(state: VmState): Due {
  const delivering = pendingCommand(state);
  return delivering === undefined ? {} : { effect: { kind: 'send', ...delivering } };
}

/** The facts that follow from the host's answer to a command that was sent; mostly none, because its report tells the end. */
export function settleAnswer(state: VmState, cause: Cause, answer: HostCommandAnswer): readonly VmFact[] {
  const pending = pendingCommand(state);
  if (answer.kind !== 'superseded' || state.operation === undefined) return [];
  if (pending === undefined || pending.command.commandId !== hostCommandId(cause)) return [];
  const { operationId, wish } = state.operation;
  const { generation, revision } = answer.newest;
  return [
    {
      type: 'OperationFailed',
      data: {
        operationId,
        step: wish.kind,
        code: 'SUPERSEDED',
        reason: `the host has taken a newer command for this VM: generation ${generation.epoch}.${generation.n}, revision ${revision}`,
        undone: [],
        left: [],
      },
    },
  ];
}
