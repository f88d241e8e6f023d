import type { VmFact } from '@drover/contracts';
import type { VmState } from '../vm/vm.state.js';

/** A person's command leads to a bounded number of each, whatever its host says. */
const followUps: ReadonlySet<VmFact['type']> = new Set([
  'OperationSucceeded',
  'OperationFailed',
  'OperationCancelled',
  'OperationCancelRequested',
  'OperationDelayed',
  'VmPlacementFailed',
  'VmDeleted',
]);

/**
 * Whether these facts are recorded whatever the host has reported before: what somebody asked for comes further by them, or nothing tells
 * them later, or a person must act. All others a host may cause as often as it likes.
 */
export function isUncounted(state: VmState, facts: readonly VmFact[]): boolean {
  return facts.some((fact) => followUps.has(fact.type) || isFirstDefinition(state, fact) || isForAPerson(fact));
}

/** A VM has one such fact, and no list tells it: lists name no definition. */
function isFirstDefinition({ definition }: VmState, { type }: VmFact): boolean {
  return type === 'VmDefined' && definition === undefined;
}

/** A process runs that only a person's forced stop ends (safety.md 9). It is found again only after it was settled, and that is counted. */
function isForAPerson(fact: VmFact): boolean {
  return fact.type === 'VmDriftFound' && fact.data.kind === 'untracked-process';
}
