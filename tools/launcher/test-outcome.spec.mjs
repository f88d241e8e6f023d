import { describe, expect, it } from '@jest/globals';
import { failuresOf, outcomeOf, totalOf } from './test-outcome.mjs';

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

describe('what failed, at the end of the output', () => {
  const suite = (name, assertionResults, rest = {}) => ({ name, assertionResults, status: 'passed', ...rest });
  const failed = (fullName, message) => ({ fullName, status: 'failed', failureMessages: [message] });

  it('names each test with its message, without colours', () => {
    const broken = [
      { fullName: 'a fine one', status: 'passed', failureMessages: [] },
      failed('two is three', '\u001B[31m2 ≠ 3'),
    ];
    expect(failuresOf('unit', { testResults: [suite('a.spec.ts', broken)] })).toEqual(['unit: two is three\n  2 ≠ 3']);
  });

  it('tells tests that fail for one reason together', () => {
    const many = [failed('one', 'no server'), failed('two', 'no server'), failed('three', 'no server')];
    expect(failuresOf('int', { testResults: [suite('a.spec.ts', many)] })).toEqual([
      'int: one (and 2 more)\n  no server',
    ]);
  });

  it('names a suite that could not run', () => {
    const results = [suite('/x/broken.spec.ts', [], { status: 'failed', message: 'SyntaxError' })];
    expect(failuresOf('live', { testResults: results })).toEqual(['live: broken.spec.ts\n  SyntaxError']);
  });

  it('cuts a long message in its middle', () => {
    const message = Array.from({ length: 100 }, (_, index) => `line ${index}`).join('\n');
    const [text] = failuresOf('unit', { testResults: [suite('a', [failed('long', message)])] });
    expect(text.split('\n')).toHaveLength(22);
    expect(text).toContain('line 0\n');
    expect(text).toMatch(/line 99$/);
  });

  it('is nothing where a runner died without a result', () => {
    expect(failuresOf('unit', undefined)).toEqual([]);
  });
});
