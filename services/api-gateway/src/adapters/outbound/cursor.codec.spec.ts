import { describe, expect, it } from '@jest/globals';
import { cursorSchema } from '@drover/contracts';
import { hostIdOf, operationIdOf, vmIdOf } from '../../testing/fleet-story.js';
import { decodeCursor, encodeCursor, hostCursor, operationCursor, vmCursor } from './cursor.codec.js';

describe('a cursor', () => {
  const label = 'a'.repeat(63);
  it.each([
    ['VMs', vmCursor, [label, label, vmIdOf('a')]],
    ['operations', operationCursor, ['2026-01-01T00:00:00.000Z', operationIdOf('a')]],
    ['hosts', hostCursor, [hostIdOf('a')]],
  ] as const)('of %s that a page gave is taken, whatever its row is called', (_list, schema, key) => {
    const cursor = encodeCursor(key);
    expect(cursorSchema.safeParse(cursor).success).toBe(true);
    expect(decodeCursor<unknown>(cursor, schema)).toEqual(key);
  });

  it.each([
    ['a year that the database has not', operationCursor, ['0000-01-01T00:00:00Z', operationIdOf('a')]],
    ['the key of another list', hostCursor, ['2026-01-01T00:00:00Z', operationIdOf('a')]],
    ['no list', vmCursor, []],
  ] as const)('with %s is refused', (_what, schema, key) => {
    expect(() => decodeCursor<unknown>(encodeCursor(key), schema)).toThrow('INVALID_FIELD');
  });
});
