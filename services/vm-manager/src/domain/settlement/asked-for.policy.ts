import type { VmFact } from '@drover/contracts';

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

/** Whether what somebody asked for comes further by these facts. All others a host may cause as often as it likes. */
export function isAskedFor(facts: readonly VmFact[]): boolean {
  return facts.some(({ type }) => followUps.has(type));
}
