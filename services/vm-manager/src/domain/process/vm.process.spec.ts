import { describe, expect, it } from '@jest/globals';
import type { PlaceAnswer, VmFact } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { evolve } from '../vm/vm-evolution.state.js';
import { hostOrderId, initialState, type VmState } from '../vm/vm.state.js';
import {
  definition,
  fact,
  firstGeneration,
  source,
  history,
  hostA,
  hostB,
  operationOf,
  stored,
  vmId,
} from '../../testing/vm-facts.js';
import { newestOrder } from './host-order.process.js';
import { placementQuestion, settlePlacement } from './placement.process.js';
import { due, settleAnswer, type VmPassed } from './vm.process.js';

const UNDO_MS = 120_000;
const ours = { isKnown: true };
const stateOf = (facts: readonly VmFact[]): VmState => facts.map(stored).reduce(evolve, initialState);
const dueOf = (facts: readonly VmFact[], passed: Partial<VmPassed> = {}) =>
  due(stateOf(facts), { ageMs: 20_000, heardMs: 20_000, isHeard: true, ...passed }, UNDO_MS, ours);
const effectOf = (facts: readonly VmFact[], passed: Partial<VmPassed> = {}) => dueOf(facts, passed).effect;
const heard = (ms: number) => ({ ageMs: ms, heardMs: ms });
const eventId = (facts: readonly VmFact[], index: number) => stored(facts[index] as VmFact, index).id;
const cancelRequested = (because: 'user' | 'overdue'): VmFact => ({
  type: 'OperationCancelRequested',
  data: { operationId: operationOf('create'), because },
});

describe('what is due', () => {
  it('asks for a host while a create has none, with a reservation that follows from the wish', () => {
    const facts = history.requested();
    expect(effectOf(facts)).toMatchObject({
      kind: 'place',
      question: {
        vmId,
        demand: { vcpus: 1, memoryMiB: 225 },
        reservationId: derivedId(eventId(facts, 0), 'reservation'),
      },
    });
  });

  it('sends the create to the chosen host, ordered by generation and the revision of the placement', () => {
    const facts = history.placed();
    expect(effectOf(facts)).toMatchObject({
      kind: 'send',
      hostId: hostA,
      order: {
        kind: 'create',
        orderId: derivedId(eventId(facts, 2), 'host-order'),
        operationId: operationOf('create'),
        generation: { epoch: 1, n: 1 },
        revision: 2,
        powerOn: true,
        name: 'web',
      },
    });
  });

  it('names the volumes of the settled definition in a delete: a journal that is new knows only them', () => {
    const disk = { name: 'root', serial: 's', target: 'vda', pool: 'default', volume: 'v.qcow2' };
    const defined: VmFact = {
      type: 'VmDefined',
      data: {
        hostId: hostA,
        generation: firstGeneration,
        source: source(2),
        definition: { ...definition, disks: [disk] },
      },
    };
    const facts = [...history.running(), defined, fact.deleteRequested(), fact.began('delete', 'vm.delete')];
    const volumes = [{ pool: 'default', volume: 'v.qcow2' }];
    expect(effectOf(facts)).toMatchObject({ kind: 'send', order: { kind: 'delete', volumes } });
  });

  it('sends each later wish with the revision of its event', () => {
    const facts = [...history.running(), fact.stopRequested('graceful', 5), fact.began('stop', 'vm.stop')];
    expect(effectOf(facts)).toMatchObject({
      kind: 'send',
      order: { kind: 'stop', mode: 'graceful', gracePeriodMs: 5, revision: 6 },
    });
  });

  it('makes a VM whose creation was superseded when it is started', () => {
    const superseded = [
      ...history.placed(),
      fact.cancelled('create', 'superseded', operationOf('stop')),
      fact.stopRequested('force'),
      fact.began('stop', 'vm.stop'),
      fact.succeeded('stop'),
      fact.startRequested(),
      fact.began('start', 'vm.start'),
    ];
    expect(effectOf(superseded)).toMatchObject({ kind: 'send', order: { kind: 'create', powerOn: true } });
    expect(effectOf([...history.stopped(), fact.startRequested(), fact.began('start', 'vm.start')])).toMatchObject({
      order: { kind: 'start', settled: expect.anything() },
    });
  });

  it('does nothing for a VM without an open operation', () => {
    expect(dueOf(history.running())).toEqual({});
  });

  it('is the same for the same stream and time', () => {
    expect(effectOf(history.placed())).toEqual(effectOf(history.placed()));
  });
});

describe('what is overdue', () => {
  it('gives every wait an end', () => {
    expect(dueOf(history.placed())).toMatchObject({ leftMs: 580_000 });
    expect(dueOf(history.requested())).toMatchObject({ leftMs: 580_000 });
    expect(dueOf([...history.placed(), cancelRequested('user')])).toMatchObject({ leftMs: UNDO_MS - 20_000 });
  });

  it('fails a create that found no host in time, and frees its name', () => {
    expect(effectOf(history.requested(), { ageMs: 601_000 })).toMatchObject({
      kind: 'record',
      facts: [{ type: 'OperationFailed', data: { code: 'OPERATION_OVERDUE', step: 'place' } }, { type: 'VmDeleted' }],
    });
  });

  it('asks the host what it has before anything of it fails or is undone', () => {
    const stopping = [...history.running(), fact.stopRequested(), fact.began('stop', 'vm.stop', 60_000)];
    for (const facts of [history.placed(), stopping]) {
      expect(effectOf(facts, heard(600_000))).toMatchObject({
        kind: 'look',
        hostId: hostA,
        order: { subject: { kind: 'vm', id: vmId } },
      });
    }
  });

  it('counts only while the host can be heard: past its time the operation goes on, and says why', () => {
    const unheard = { ageMs: 3_600_000, heardMs: 599_000, isHeard: false, unheardSince: '2026-01-01T00:00:00.000Z' };
    const effect = effectOf(history.placed(), unheard);
    expect(effect).toMatchObject({
      kind: 'record',
      facts: [
        { type: 'OperationDelayed', data: { because: 'host-unheard', hostId: hostA, since: unheard.unheardSince } },
      ],
    });
    const told = [...history.placed(), ...(effect?.kind === 'record' ? effect.facts : [])];
    expect(effectOf(told, unheard)).toMatchObject({ kind: 'send', order: { kind: 'create', revision: 2 } });
    expect(effectOf(told, { ...unheard, isHeard: true })).toMatchObject({ kind: 'send' });
    expect(effectOf(told, { ...heard(3_600_000), isHeard: true })).toMatchObject({ kind: 'look' });
  });

  it.each(['user', 'overdue'] as const)(
    'ends an undo (%s) that the host does not confirm, with what is left',
    (because) => {
      const effect = effectOf([...history.placed(), cancelRequested(because)], { ageMs: UNDO_MS });
      const end = because === 'user' ? 'OperationCancelled' : 'OperationFailed';
      expect(effect).toMatchObject({
        kind: 'record',
        facts: [{ type: end, data: { left: [expect.stringContaining(hostA)] } }],
      });
    },
  );

  it('asks a host that could not reach its hypervisor once more, by a new order', () => {
    const hostId = hostA;
    const delayed: VmFact = {
      type: 'OperationDelayed',
      data: {
        operationId: operationOf('create'),
        hostId,
        because: 'hypervisor-unavailable',
        detail: 'libvirt is away',
      },
    };
    expect(effectOf([...history.placed(), delayed])).toMatchObject({ kind: 'send', order: { revision: 3 } });
  });
});

describe('the scheduler’s answer', () => {
  const score = { total: 1, parts: {} };
  const question = (state: VmState) => {
    const asked = placementQuestion(state);
    if (asked === undefined) throw new Error('nothing to ask');
    return asked;
  };

  it('gives the VM its next generation in the epoch of the store', () => {
    const state = stateOf(history.requested());
    const asked = question(state);
    const answer: PlaceAnswer = {
      kind: 'placed',
      hostId: hostB,
      reservationId: asked.reservationId,
      score,
      runnersUp: [],
    };
    expect(settlePlacement(state, asked, answer, 3)).toMatchObject([
      { type: 'VmPlaced', data: { hostId: hostB, generation: { epoch: 3, n: 1 } } },
    ]);
  });

  it('changes nothing when the operation has ended meanwhile', () => {
    const asked = question(stateOf(history.requested()));
    const answer: PlaceAnswer = {
      kind: 'placed',
      hostId: hostB,
      reservationId: asked.reservationId,
      score,
      runnersUp: [],
    };
    const ended = stateOf([...history.requested(), fact.cancelled('create'), fact.deleted()]);
    expect(settlePlacement(ended, asked, answer, 1)).toEqual([]);
    expect(settlePlacement(stateOf(history.placed()), asked, answer, 1)).toEqual([]);
  });

  it('fails a create that no host can take, explains it, and leaves nothing', () => {
    const state = stateOf(history.requested());
    const answer: PlaceAnswer = { kind: 'no-host-fits', counts: { memory: 2 }, nearest: [] };
    expect(settlePlacement(state, question(state), answer, 1)).toMatchObject([
      { type: 'VmPlacementFailed', data: { counts: { memory: 2 } } },
      { type: 'OperationFailed', data: { code: 'NO_HOST_FITS', data: { counts: { memory: 2 } } } },
      { type: 'VmDeleted' },
    ]);
  });

  it('fails the operation whose question is refused, and no other that has begun meanwhile', () => {
    const rejection = { code: 'INVALID_FIELD', detail: 'no such label' } as const;
    const asked = question(stateOf(history.requested()));
    const settle = (facts: readonly VmFact[]) =>
      settlePlacement(stateOf(facts), asked, { kind: 'refused', rejection }, 1);
    expect(settle(history.requested())).toEqual([
      {
        type: 'OperationFailed',
        data: {
          operationId: operationOf('create'),
          step: 'place',
          code: 'INVALID_FIELD',
          reason: 'no such label',
          undone: [],
          left: [],
        },
      },
      { type: 'VmDeleted', data: {} },
    ]);
    const stopping = [...history.running(), fact.stopRequested(), fact.began('stop', 'vm.stop')];
    expect(settle(stopping)).toEqual([]);
  });
});

describe('the host’s answer', () => {
  it('ends the operation when the host cannot read the order, and does not take a create to be undone by it', () => {
    const answer = {
      kind: 'refused',
      code: 'PROTOCOL_UNSUPPORTED',
      detail: 'this agent cannot read the order',
    } as const;
    const state = stateOf(history.placed());
    const cause = state.operation?.cause ?? { eventId: eventId(history.placed(), 2), revision: 2 };
    expect(settleAnswer(state, cause, answer)).toMatchObject([
      { type: 'OperationFailed', data: { code: 'PROTOCOL_UNSUPPORTED', left: [expect.stringContaining(hostA)] } },
    ]);
  });

  it('ends the operation when the host has taken a newer order', () => {
    const state = stateOf(history.placed());
    const cause = state.operation?.cause ?? { eventId: eventId(history.placed(), 2), revision: 2 };
    const newest = { generation: { epoch: 1, n: 2 }, revision: 9 };
    expect(settleAnswer(state, cause, { kind: 'superseded', newest })).toMatchObject([
      { type: 'OperationFailed', data: { code: 'SUPERSEDED' } },
    ]);
    expect(settleAnswer(state, cause, { kind: 'taken' })).toEqual([]);
  });

  it('is of no interest when another step is due by then', () => {
    const placed = stateOf(history.placed());
    const undoing = stateOf([...history.placed(), cancelRequested('user')]);
    const newest = { generation: { epoch: 1, n: 1 }, revision: 3 };
    const cause = placed.operation?.cause;
    if (cause === undefined) throw new Error('no operation');
    expect(settleAnswer(undoing, cause, { kind: 'superseded', newest })).toEqual([]);
  });
});

describe('the table of a host', () => {
  it('lets exactly the order that is waited for through, and nothing that was sent before', () => {
    const waiting = stateOf([...history.running(), fact.stopRequested(), fact.began('stop', 'vm.stop')]);
    expect(newestOrder(waiting, hostA)).toEqual({ generation: { epoch: 1, n: 1 }, revision: 5 });
  });

  it('makes every late copy void where nothing is waited for', () => {
    const cancelled = stateOf([
      ...history.stopped(),
      fact.startRequested(),
      fact.began('start', 'vm.start'),
      fact.cancelled('start'),
    ]);
    expect(newestOrder(cancelled, hostA)?.revision).toBe(7);
  });

  it('does not name a VM that no host was given', () => {
    expect(newestOrder(stateOf(history.requested()), hostA)).toBeUndefined();
    expect(hostOrderId({ eventId: eventId(history.requested(), 0), revision: 0 })).toMatch(/^[0-9a-f-]{36}$/);
  });
});
