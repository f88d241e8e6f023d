import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PersistentMap } from './persistent-map.js';

const change = fc.record({
  key: fc.integer({ min: 0, max: 200 }).map((n) => `key-${n}`),
  value: fc.option(fc.integer(), { nil: undefined }),
});

describe('PersistentMap', () => {
  it('holds what a Map would hold after the same changes', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 300 }), (changes) => {
        const expected = new Map<string, number>();
        let map = PersistentMap.empty<string, number>();
        for (const { key, value } of changes) {
          if (value === undefined) expected.delete(key);
          else expected.set(key, value);
          map = value === undefined ? map.delete(key) : map.set(key, value);
        }
        expect(new Map(map.entries())).toEqual(expected);
        expect(map.size).toBe(expected.size);
        const visited = new Map<string, number>();
        map.forEach((value, key) => visited.set(key, value));
        expect(visited).toEqual(expected);
        for (let n = 0; n <= 200; n += 1) expect(map.get(`key-${n}`)).toBe(expected.get(`key-${n}`));
      }),
      { numRuns: 30 },
    );
  });

  it('leaves every earlier map as it was', () => {
    const before = PersistentMap.of<string, number>(Array.from({ length: 500 }, (_, n) => [`key-${n}`, n] as const));
    const after = before.set('key-7', -1).delete('key-8').set('another', 1);
    expect(before.get('key-7')).toBe(7);
    expect(before.get('key-8')).toBe(8);
    expect(before.has('another')).toBe(false);
    expect(before.size).toBe(500);
    expect(after.size).toBe(500);
  });

  it('keeps keys apart whose hashes collide', () => {
    // Two strings of equal 32-bit FNV-1a hash.
    const map = PersistentMap.of<string, number>([
      ['costarring', 1],
      ['liquid', 2],
    ]);
    let crowded = map;
    for (let n = 0; n < 100; n += 1) crowded = crowded.set(`key-${n}`, n);
    expect([crowded.get('costarring'), crowded.get('liquid')]).toEqual([1, 2]);
    expect(crowded.delete('liquid').get('costarring')).toBe(1);
  });
});
