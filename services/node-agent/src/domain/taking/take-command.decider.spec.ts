import { describe, expect, it } from '@jest/globals';
import { commandIdSchema, type CommandOrder } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { decideTaking, raise, type TakingState } from './take-command.decider.js';

const idOf = (label: string) => commandIdSchema.parse(derivedId('decider', label));
const order = (n: number, revision: number): CommandOrder => ({ generation: { epoch: 1, n }, revision });
const command = { commandId: idOf('this'), ...order(1, 5), ttlMs: 1_000 };
const state = (given: Partial<TakingState> = {}): TakingState => ({
  isTableKnown: true,
  newest: undefined,
  isUnderWay: false,
  ...given,
});

describe('taking a command', () => {
  it('takes one that is newer than all before', () => {
    const newest = { order: order(1, 4), commandId: idOf('before') };
    expect(decideTaking(state({ newest }), command, 0)).toEqual({ answer: { kind: 'taken' }, isNew: true });
  });

  it('takes the first one of a VM', () => {
    expect(decideTaking(state(), command, 0)).toEqual({ answer: { kind: 'taken' }, isNew: true });
  });

  it('takes a repeat again without a second effect, under way or ended, old or before the table', () => {
    const newest = { order: order(1, 9), commandId: idOf('newer') };
    const repeats = [
      state({ isUnderWay: true, newest }),
      state({ newest: { order: order(1, 5), commandId: command.commandId } }),
      state({ isUnderWay: true, isTableKnown: false }),
    ];
    for (const repeat of repeats) {
      expect(decideTaking(repeat, command, 5_000)).toEqual({ answer: { kind: 'taken' }, isNew: false });
    }
  });

  it('asks for the table before it takes anything', () => {
    expect(decideTaking(state({ isTableKnown: false }), command, 0).answer).toEqual({ kind: 'table-needed' });
  });

  it.each([order(1, 6), order(2, 0)])('answers one that is older than the newest as superseded', (newer) => {
    for (const newest of [{ order: newer }, { order: newer, commandId: idOf('newer') }]) {
      expect(decideTaking(state({ newest }), command, 0)).toEqual({
        answer: { kind: 'superseded', newest: newer },
        isNew: false,
      });
    }
  });

  it('takes the command whose order the table told, once', () => {
    const newest = raise(undefined, order(1, 5));
    expect(decideTaking(state({ newest }), command, 0).isNew).toBe(true);
    const taken = { order: order(1, 5), commandId: idOf('other') };
    expect(decideTaking(state({ newest: taken }), command, 0).answer.kind).toBe('superseded');
  });

  it('does not begin a command later than its time to live after its receipt', () => {
    expect(decideTaking(state(), command, 1_000).answer.kind).toBe('taken');
    expect(decideTaking(state(), command, 1_001).answer).toEqual({ kind: 'expired' });
  });
});
