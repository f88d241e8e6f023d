import type { VmFact } from '@drover/contracts';
import type { OpenOperation } from './vm.state.js';

type OperationFailed = Extract<VmFact, { readonly type: 'OperationFailed' }>;
type Failure = Omit<OperationFailed['data'], 'operationId'>;

/** The end of an operation that failed: at the step of its own verb, with nothing undone and nothing left, unless the failure says more. */
export function failOperation(
  { operationId, wish }: OpenOperation,
  failure: Pick<Failure, 'code' | 'reason'> & Partial<Failure>,
): OperationFailed {
  return { type: 'OperationFailed', data: { operationId, step: wish.kind, undone: [], left: [], ...failure } };
}

/** The same where no host has the VM: one that was to be made goes with its operation. */
export function failWithoutHost(
  operation: OpenOperation,
  failure: Parameters<typeof failOperation>[1],
): readonly VmFact[] {
  const failed = failOperation(operation, failure);
  return operation.wish.kind === 'create' ? [failed, { type: 'VmDeleted', data: {} }] : [failed];
}
