import { describe, expect, it } from '@jest/globals';
import { orderIdSchema, type ImageCommand, type ImageFact } from '@drover/contracts';
import type { Passed } from '@drover/operations';
import { givenWhenThen } from '@drover/testing';
import {
  cancelling,
  contents,
  deleting,
  imageFact,
  imageId,
  register,
  registering,
  storedImageEvent,
} from '../../testing/image-facts.js';
import { hostA, otherProject, vmId } from '../../testing/vm-facts.js';
import { hostOrderId } from '../vm/vm.state.js';
import { decideImage, type ImageContext } from './image.decider.js';
import { imageDue, settleImageAnswer, settleImageInspected } from './image.process.js';
import { evolveImage, noImage, type ImageState } from './image.state.js';

const usual: ImageContext = { isHostKnown: true, users: [] };
const given = givenWhenThen({
  initialState: noImage,
  decide: (state, { context, ...command }: ImageCommand & { readonly context?: Partial<ImageContext> }) =>
    decideImage(state, command, { ...usual, ...context }),
  evolve: evolveImage,
  store: storedImageEvent,
});
const { began, cancelled, deleted, registered, requested, succeeded } = imageFact;
const there = [requested, began, registered, succeeded];

describe('a command on an image', () => {
  it('registers it once', () => {
    given().when(register('register')).then(requested, began);
    given(requested, began).when(register('register')).then();
    given(...there, deleted)
      .when(register('register'))
      .then();
  });

  it.each<[string, Partial<ImageContext>, Partial<ImageCommand<'register'>>]>([
    ['IMAGE_NAME_TAKEN', { nameHolder: imageId }, {}],
    ['HOST_NOT_FOUND', { isHostKnown: false }, {}],
    ['PROJECT_NOT_FOUND', {}, { projectId: otherProject }],
  ])('does not register it: %s', (code, context, fields) => {
    given()
      .when({ ...register('another', fields), context })
      .thenRejected({ code });
  });

  it('deletes it, and ends its registration where that is open', () => {
    given(...there)
      .when(deleting('delete'))
      .then(deleted);
    given(requested, began).when(deleting('delete')).then(cancelled, deleted);
  });

  it('does not delete what VMs use, what is gone, or what another project has', () => {
    given(...there)
      .when({ ...deleting('delete'), context: { users: [vmId] } })
      .thenRejected({ code: 'IMAGE_IN_USE' });
    given(...there, deleted)
      .when(deleting('delete'))
      .thenRejected({ code: 'IMAGE_NOT_REGISTERED' });
    given().when(deleting('delete')).thenRejected({ code: 'IMAGE_NOT_REGISTERED' });
    given(...there)
      .when({ ...deleting('delete'), projectId: otherProject })
      .thenRejected({ code: 'IMAGE_NOT_REGISTERED' });
  });

  it('cancels its registration while that is open, once', () => {
    given(requested, began).when(cancelling('cancel')).then(cancelled, deleted);
    given(requested, began, cancelled, deleted).when(cancelling('cancel')).then();
    given(...there)
      .when(cancelling('cancel'))
      .thenRejected({ code: 'OPERATION_NOT_CANCELLABLE' });
  });
});

const folded = (...facts: readonly ImageFact[]): ImageState => facts.map(storedImageEvent).reduce(evolveImage, noImage);
const open = folded(requested, began);
const orderId = open.operation === undefined ? undefined : hostOrderId(open.operation.cause);
const isFirst = { isKnown: true };
const passed = (heardMs: number, ageMs = heardMs, isHeard = true): Passed => ({
  ageMs,
  on: () => ({ heardMs, isHeard, ...(isHeard ? {} : { unheardSince: '2026-01-01T00:00:00.000Z' }) }),
});
const types = (facts: readonly ImageFact[]) => facts.map(({ type }) => type);

describe('the registration of an image', () => {
  it('waits for its host, by one order', () => {
    const { effects, leftMs } = imageDue(open, passed(1_000), isFirst, 3);
    expect(effects).toMatchObject([
      {
        kind: 'send',
        hostId: hostA,
        order: { kind: 'inspect-image', name: 'debian-13', orderId, generation: { epoch: 3, n: 1 }, revision: 0 },
      },
    ]);
    expect(leftMs).toBe(3_599_000);
  });

  it('does nothing before it is known whose the name is, and ends where it is another image’s', () => {
    expect(imageDue(open, passed(0), { isKnown: false }, 1).effects).toEqual([]);
    const [effect] = imageDue(open, passed(0), { isKnown: true, earlierHolder: imageId }, 1).effects;
    expect(effect).toMatchObject({ kind: 'record', facts: [{ data: { code: 'IMAGE_NAME_TAKEN' } }, deleted] });
  });

  it('fails when its host was heard for an hour and told nothing, and waits while the host is not heard', () => {
    const [overdue] = imageDue(open, passed(3_600_000), isFirst, 1).effects;
    expect(overdue).toMatchObject({ kind: 'record', facts: [{ data: { code: 'OPERATION_OVERDUE' } }, deleted] });
    const [unheard] = imageDue(open, passed(5, 3_600_000, false), isFirst, 1).effects;
    expect(unheard).toMatchObject({ kind: 'record', facts: [{ type: 'OperationDelayed' }] });
    const told = folded(requested, began, {
      type: 'OperationDelayed',
      data: { operationId: registering, hostId: hostA, because: 'host-unheard', detail: '' },
    });
    expect(imageDue(told, passed(5, 3_600_000, false), isFirst, 1).effects).toMatchObject([{ kind: 'send' }]);
  });

  it('ends with what its host found', () => {
    if (orderId === undefined) throw new Error('the order follows from the request');
    const otherOrder = orderIdSchema.parse(registering);
    const report = { kind: 'image-inspected', orderId, operationId: registering } as const;
    const subject = { kind: 'image', id: imageId } as const;
    const done = { ...report, subject, result: { kind: 'done', contents } } as const;
    expect(settleImageInspected(open, done)).toEqual([registered, succeeded]);
    expect(settleImageInspected(folded(...there), done)).toEqual([]);
    expect(settleImageInspected(open, { ...done, orderId: otherOrder })).toEqual([]);
    const error = { code: 'IMAGE_REFUSED', detail: 'it has a backing file' } as const;
    const failed = settleImageInspected(open, { ...done, result: { kind: 'failed', error } });
    expect(failed).toMatchObject([{ type: 'OperationFailed', data: { code: 'IMAGE_REFUSED' } }, deleted]);
  });

  it('ends where the agent cannot read the order, and goes on where it did not take it', () => {
    const cause = open.operation?.cause;
    if (cause === undefined) throw new Error('the registration is open');
    const refused = { kind: 'refused', code: 'PROTOCOL_UNSUPPORTED', detail: 'update it' } as const;
    expect(types(settleImageAnswer(open, cause, refused))).toEqual(['OperationFailed', 'ImageDeleted']);
    expect(settleImageAnswer(open, cause, { kind: 'expired' })).toEqual([]);
    expect(settleImageAnswer(folded(...there), cause, refused)).toEqual([]);
  });
});
