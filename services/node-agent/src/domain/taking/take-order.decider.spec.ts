import { describe, expect, it } from '@jest/globals';
import { orderIdSchema, type OrderRank } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { decideTaking, raise, type TakingState } from './take-order.decider.js';

const idOf = (label: string) => orderIdSchema.parse(derivedId('decider', label));
const rank = (n: number, revision: number): OrderRank => ({ generation: { epoch: 1, n }, revision });
const order = { orderId: idOf('this'), ...rank(1, 5), ttlMs: 1_000 };
const state = (given: Partial<TakingState> = {}): TakingState => ({
  isTableKnown: true,
  newest: undefined,
  isUnderWay: false,
  ...given,
});

describe('taking an order', () => {
  it('takes one that is newer than all before', () => {
    const newest = { rank: rank(1, 4), orderId: idOf('before') };
    expect(decideTaking(state({ newest }), order, 0)).toEqual({ answer: { kind: 'taken' }, isNew: true });
  });

  it('takes the first one of a VM', () => {
    expect(decideTaking(state(), order, 0)).toEqual({ answer: { kind: 'taken' }, isNew: true });
  });

  it('takes a repeat again without a second effect, under way or ended, old or before the table', () => {
    const newest = { rank: rank(1, 9), orderId: idOf('newer') };
    const repeats = [
      state({ isUnderWay: true, newest }),
      state({ newest: { rank: rank(1, 5), orderId: order.orderId } }),
      state({ isUnderWay: true, isTableKnown: false }),
    ];
    for (const repeat of repeats) {
      expect(decideTaking(repeat, order, 5_000)).toEqual({ answer: { kind: 'taken' }, isNew: false });
    }
  });

  it('asks for the table before it takes anything', () => {
    expect(decideTaking(state({ isTableKnown: false }), order, 0).answer).toEqual({ kind: 'table-needed' });
  });

  it.each([rank(1, 6), rank(2, 0)])('answers one that is older than the newest as superseded', (newer) => {
    for (const newest of [{ rank: newer }, { rank: newer, orderId: idOf('newer') }]) {
      expect(decideTaking(state({ newest }), order, 0)).toEqual({
        answer: { kind: 'superseded', newest: newer },
        isNew: false,
      });
    }
  });

  it('takes the order whose order the table told, once', () => {
    const newest = raise(undefined, rank(1, 5));
    expect(decideTaking(state({ newest }), order, 0).isNew).toBe(true);
    const taken = { rank: rank(1, 5), orderId: idOf('other') };
    expect(decideTaking(state({ newest: taken }), order, 0).answer.kind).toBe('superseded');
  });

  it('does not begin an order later than its time to live after its receipt', () => {
    expect(decideTaking(state(), order, 1_000).answer.kind).toBe('taken');
    expect(decideTaking(state(), order, 1_001).answer).toEqual({ kind: 'expired' });
  });
});
