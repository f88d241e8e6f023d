import { describe, expect, it } from '@jest/globals';
import { KeyedBudget } from './keyed-budget.js';

describe('a budget per key', () => {
  let nowMs = 0;
  const clock = { epochMs: () => 0, monotonicMs: () => nowMs };
  const budgetOf = (burst: number, perSecond: number) => new KeyedBudget<string | number>(clock, { burst, perSecond });

  it('allows each key its burst and then its rate, whatever another has spent', () => {
    const budget = budgetOf(3, 1);
    expect(Array.from({ length: 5 }, () => budget.take('a'))).toEqual([true, true, true, false, false]);
    expect(budget.take('b')).toBe(true);
    nowMs += 2_000;
    expect(Array.from({ length: 3 }, () => budget.take('a'))).toEqual([true, true, false]);
  });

  it('lets what is done at once overdraw, and allows nothing until that is paid', () => {
    const budget = budgetOf(3, 1);
    budget.spend('a', 10);
    nowMs += 7_000;
    expect(budget.has('a')).toBe(false);
    nowMs += 1;
    expect(budget.has('a')).toBe(true);
  });

  it('takes back what was not used, and never more than the burst', () => {
    const budget = budgetOf(2, 1);
    budget.spend('a', 2);
    budget.giveBack('a', 2);
    budget.giveBack('never spent', 5);
    budget.spend('b', 1);
    budget.giveBack('b', 100);
    for (const key of ['a', 'never spent', 'b']) {
      expect([budget.take(key), budget.take(key), budget.take(key)]).toEqual([true, true, false]);
    }
  });

  it('spends nothing by asking', () => {
    const budget = budgetOf(1, 1);
    expect([budget.has('a'), budget.has('a'), budget.take('a'), budget.has('a')]).toEqual([true, true, true, false]);
  });

  it('forgets keys that have their whole burst again, and none that has not', () => {
    const budget = budgetOf(1, 1);
    budget.spend('spent', 100_000);
    for (let key = 0; key < 10_000; key += 1) {
      budget.take(key);
      nowMs += 10;
    }
    expect(budget.size).toBeLessThanOrEqual(1_000);
    expect(budget.has('spent')).toBe(false);
  });
});
