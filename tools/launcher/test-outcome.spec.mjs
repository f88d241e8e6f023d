import { describe, expect, it } from '@jest/globals';
import { outcomeOf, totalOf } from './test-outcome.mjs';

const result = (numbers) => ({
  ...{ numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, numRuntimeErrorTestSuites: 0 },
  ...numbers,
});

describe('the outcome of a test level', () => {
  it('counts what passed, failed and was left out', () => {
    const level = outcomeOf(
      'unit',
      1,
      result({ numPassedTests: 5, numFailedTests: 2, numPendingTests: 1, numTodoTests: 1 }),
    );
    expect(level).toEqual({ level: 'unit', passed: 5, failed: 2, skipped: 2 });
  });

  it('takes a level without tests as one without failures', () => {
    expect(outcomeOf('live', 0, result({})).failed).toBe(0);
  });

  it.each([
    ['a suite that does not load', 1, result({ numPassedTests: 9, numRuntimeErrorTestSuites: 1 })],
    ['a runner that fails with every test green', 1, result({ numPassedTests: 9 })],
    ['a runner that dies before it says anything', 134, undefined],
  ])('counts %s as a failure', (_what, status, outcome) => {
    expect(outcomeOf('int', status, outcome).failed).toBe(1);
  });

  it('sums over the levels', () => {
    const levels = [outcomeOf('unit', 0, result({ numPassedTests: 5 })), outcomeOf('int', 1, undefined)];
    expect(totalOf(levels)).toEqual({ passed: 5, failed: 1, skipped: 0 });
  });
});
