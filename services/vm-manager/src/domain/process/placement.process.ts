import type { Generation, HostId, PlaceAnswer, PlaceQuery, Rejection, ReservationId, VmFact } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { demandOf } from '@drover/fleet-model';
import { currentCause, needsPlacement } from './host-order.process.js';
import { failWithoutHost } from '../vm/fail-operation.policy.js';
import type { OpenOperation, RefusedHost, VmState } from '../vm/vm.state.js';

/** Hosts that may refuse one after the other before the operation fails. */
export const MAX_PLACEMENTS = 3;

export type PlacementQuestion = Omit<PlaceQuery, 'ttlMs'>;

/** What to ask the scheduler for a VM that waits for a host. Repeated it is the same, with the same reservation. */
export function placementQuestion(state: VmState): PlacementQuestion | undefined {
  const { operation, identity } = state;
  if (operation === undefined || identity === undefined || !needsPlacement(state, operation)) return undefined;
  const { spec, vmId } = identity;
  const candidate = candidateOf(operation);
  return {
    vmId,
    demand: demandOf(spec),
    placement: candidate === undefined ? spec.placement : { ...spec.placement, hostId: candidate },
    labels: spec.labels,
    reservationId: derivedId(currentCause(operation).eventId, 'reservation') as ReservationId,
  };
}

/** The scheduler refuses the question itself: asked again it would be refused again. */
export interface RefusedQuestion {
  readonly kind: 'refused';
  readonly rejection: Rejection;
}

/** The facts that follow from the scheduler's answer; none where the operation no longer waits for it. */
export function settlePlacement(
  state: VmState,
  question: PlacementQuestion,
  answer: PlaceAnswer | RefusedQuestion,
  storeEpoch: number,
): readonly VmFact[] {
  const operation = state.operation;
  if (operation === undefined || placementQuestion(state)?.reservationId !== question.reservationId) return [];
  if (answer.kind === 'refused') {
    const { code, detail } = answer.rejection;
    return failWithoutHost(operation, { step: 'place', code, reason: detail });
  }
  if (answer.kind === 'placed') {
    const { hostId, reservationId, score, runnersUp } = answer;
    const generation = nextGeneration(state, storeEpoch);
    return [{ type: 'VmPlaced', data: { hostId, generation, reservationId, score, runnersUp } }];
  }
  const failed: VmFact = { type: 'VmPlacementFailed', data: { counts: answer.counts, nearest: answer.nearest } };
  // Another candidate is left where this one was asked for by itself.
  if (operation.refusals > 0 && operation.refusals + 1 < MAX_PLACEMENTS && operation.runnersUp.length > 1) {
    return [failed];
  }
  const { refused } = operation;
  const hosts = Object.values(answer.counts).reduce((sum, count) => sum + count, 0);
  return [
    failed,
    ...failWithoutHost(operation, {
      // What a host said when it was tried is worth more than that no other is left.
      step: refused.at(-1)?.step ?? 'place',
      code: refused.at(-1)?.code ?? 'NO_HOST_FITS',
      reason: [...refused.map(refusalText), `none of ${hosts} hosts can take this VM`].join('; ').slice(0, 4000),
      data: { counts: answer.counts, nearest: answer.nearest, ...(refused.length === 0 ? {} : { refused }) },
    }),
  ];
}

/** For the operator. */
export function refusalText({ hostId, step, detail }: RefusedHost): string {
  return `host ${hostId} refused at ${step}: ${detail}`;
}

/** Whether another host may be tried after this one has refused and undone what it had done. */
export function mayTryAnotherHost(state: VmState, operation: OpenOperation): boolean {
  return (
    operation.isPlaced &&
    operation.refusals + 1 < MAX_PLACEMENTS &&
    operation.runnersUp.length > 0 &&
    state.identity?.spec.placement.hostId === undefined
  );
}

/** After a refusal the runners-up of the first choice are asked for one by one. */
function candidateOf(operation: OpenOperation): HostId | undefined {
  return operation.refusals > 0 ? operation.runnersUp[0] : undefined;
}

function nextGeneration(state: VmState, storeEpoch: number): Generation {
  const epoch = Math.max(storeEpoch, state.generation?.epoch ?? 0);
  return { epoch, n: (state.generation?.n ?? 0) + 1 };
}
