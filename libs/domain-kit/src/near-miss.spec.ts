import { describe, expect, it } from '@jest/globals';
import { nearMiss } from './near-miss.js';

describe('a near miss', () => {
  const known = ['VmStarted', 'VmStopped', 'HostSuspected', 'web-1', 'web-12'];

  it.each([
    ['VmStoped', 'VmStopped'],
    ['vmstarted', 'VmStarted'],
    ['VmStratde', 'VmStarted'],
    ['web1', 'web-1'],
    ['web-1', 'web-1'],
  ])('of %s is %s', (given, expected) => {
    expect(nearMiss(given, known)).toBe(expected);
  });

  it.each(['', 'Foo', 'completely different', 'x'])('of %j is none', (given) => {
    expect(nearMiss(given, known)).toBeUndefined();
  });
});
