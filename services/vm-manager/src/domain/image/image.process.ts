import {
  type HostOrderAnswer,
  type ImageFact,
  type ImageId,
  type ImageInspected,
  type ImageOrder,
  imageSubject,
} from '@drover/contracts';
import type { Cause, CommonEffect, Delivering, Due, OpenWork, Passed } from '@drover/operations';
import { hostOrderId } from '../vm/vm.state.js';
import { unheardFact } from '../process/unheard.policy.js';
import { nameTaken } from './image.decider.js';
import type { ImageState, Registration } from './image.state.js';

/** What must be known of other images before anything is done for one that was just requested. */
export interface ImageNameStanding {
  /** Whether everything has been read that stands before the image's request in the store. */
  readonly isKnown: boolean;
  /** The image of the project that had the name before this one was requested. */
  readonly earlierHolder?: ImageId | undefined;
}

/** What the registration of an image waits for. */
export function imageWork({ identity, operation }: ImageState): OpenWork | undefined {
  if (operation === undefined || identity === undefined) return undefined;
  const { beganAtMs, isUnheard, operationId, traceparent } = operation;
  return {
    operationId,
    since: { key: operationId, recordedAtMs: beganAtMs },
    hostIds: [identity.source.hostId],
    round: operationId,
    wasRefused: false,
    delays: 0,
    isUnheard,
    projectId: identity.projectId,
    traceparent,
  };
}

/**
 * What follows from an image's stream and from what has passed: its host is given the order until it reports. That changes nothing on
 * the host, so past its time the registration simply fails; time in which the host was not heard does not count.
 */
export function imageDue(
  state: ImageState,
  passed: Passed,
  name: ImageNameStanding,
  storeEpoch: number | undefined,
): Due<CommonEffect<ImageFact>> {
  const { identity, operation } = state;
  if (identity === undefined || operation === undefined || storeEpoch === undefined || !name.isKnown)
    return { effects: [] };
  const { cause, isUnheard, timeoutMs } = operation;
  const record = (facts: readonly ImageFact[]) => ({ effects: [{ kind: 'record', cause, facts } as const] });
  if (name.earlierHolder !== undefined) {
    const { code, data, detail } = nameTaken(identity.name, name.earlierHolder);
    return record(failed(operation, { step: 'name', code, reason: detail, ...(data === undefined ? {} : { data }) }));
  }
  const { hostId } = identity.source;
  const onHost = passed.on(hostId);
  const isOld = passed.ageMs >= timeoutMs;
  if (!onHost.isHeard && isOld && !isUnheard) {
    return record([unheardFact(operation.operationId, hostId, onHost.unheardSince, 'image')]);
  }
  const leftMs = timeoutMs - onHost.heardMs;
  if (leftMs <= 0) {
    const reason = `host ${hostId} did not report what image ${identity.name} is in time`;
    return record(failed(operation, { code: 'OPERATION_OVERDUE', reason }));
  }
  const sending = { kind: 'send', ...inspection(state, operation, storeEpoch) } as const;
  return { effects: [sending], leftMs: onHost.isHeard || isOld ? leftMs : timeoutMs - passed.ageMs };
}

/** @param state of an image that was requested. */
function inspection({ identity }: ImageState, operation: Registration, storeEpoch: number): Delivering<ImageOrder> {
  if (identity === undefined) throw new Error('an operation on an image follows from its request');
  const { cause, operationId } = operation;
  const { imageId, name, source } = identity;
  return {
    hostId: source.hostId,
    cause,
    order: {
      kind: 'inspect-image',
      orderId: hostOrderId(cause),
      operationId,
      subject: imageSubject(imageId),
      // An image is never given to another host, so its orders are told apart by their revision alone.
      generation: { epoch: storeEpoch, n: 1 },
      revision: cause.revision,
      name,
    },
  };
}

/** The facts that follow from the host's answer to the order; mostly none, because its report tells the end. */
export function settleImageAnswer(state: ImageState, cause: Cause, answer: HostOrderAnswer): readonly ImageFact[] {
  const { identity, operation } = state;
  if (identity === undefined || operation?.cause.eventId !== cause.eventId) return [];
  const { hostId } = identity.source;
  if (answer.kind === 'refused') {
    return failed(operation, { code: answer.code, reason: `host ${hostId}: ${answer.detail}` });
  }
  if (answer.kind !== 'superseded') return [];
  return failed(operation, { code: 'SUPERSEDED', reason: `host ${hostId} has taken a newer order for this image` });
}

/** The facts that follow from a host's report; none where the image does not wait for it. */
export function settleImageInspected(state: ImageState, report: ImageInspected): readonly ImageFact[] {
  const { operation } = state;
  if (operation === undefined || report.orderId !== hostOrderId(operation.cause)) return [];
  const { operationId } = operation;
  const { result } = report;
  if (result.kind === 'done') {
    return [
      { type: 'ImageRegistered', data: result.contents },
      { type: 'OperationSucceeded', data: { operationId } },
    ];
  }
  const { code, data, detail } = result.error;
  return failed(operation, { code, reason: detail, ...(data === undefined ? {} : { data }) });
}

type Failure = Extract<ImageFact, { readonly type: 'OperationFailed' }>['data'];

/** What could not be registered is no image. */
function failed(
  { operationId }: Registration,
  failure: Pick<Failure, 'code' | 'reason'> & Partial<Failure>,
): readonly ImageFact[] {
  return [
    { type: 'OperationFailed', data: { operationId, step: 'inspect-image', undone: [], left: [], ...failure } },
    { type: 'ImageDeleted', data: {} },
  ];
}
