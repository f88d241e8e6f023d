import { describe, expect, it } from '@jest/globals';
import { remembered } from './remembered.js';

function counted(most: number) {
  const made: string[] = [];
  const length = remembered(most, (key) => {
    made.push(key);
    return key.length;
  });
  return { made, length };
}

describe('a function that remembers', () => {
  it('makes each of its newest results once', () => {
    const { made, length } = counted(2);
    expect(['a', 'bb', 'a', 'bb'].map(length)).toEqual([1, 2, 1, 2]);
    expect(made).toEqual(['a', 'bb']);
  });

  it('keeps what is asked for again while others come, and forgets what is not', () => {
    const { made, length } = counted(2);
    for (const key of ['a', 'b', 'c', 'a', 'd', 'a', 'b']) length(key);
    expect(made).toEqual(['a', 'b', 'c', 'd', 'b']);
  });

  it('never holds more than twice its bound', () => {
    const { made, length } = counted(3);
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
    keys.forEach(length);
    made.length = 0;
    keys.toReversed().forEach(length);
    expect(made.length).toBeGreaterThanOrEqual(100 - 6);
  });
});
