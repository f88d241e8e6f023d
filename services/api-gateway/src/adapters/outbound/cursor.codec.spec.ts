import { describe, expect, it } from '@jest/globals';
import { cursorSchema } from '@drover/contracts';
import { vmIdOf } from '../../testing/fleet-story.js';
import { decodeCursor, encodeCursor } from './cursor.codec.js';

describe('a cursor', () => {
  it('that a page gave is taken', () => {
    const cursor = encodeCursor(vmIdOf('a'));
    expect(cursorSchema.safeParse(cursor).success).toBe(true);
    expect(decodeCursor(cursor)).toBe(vmIdOf('a'));
  });

  it.each(["x' OR '1'='1", '', vmIdOf('a').toUpperCase()])('of %j is refused', (text) => {
    expect(() => decodeCursor(encodeCursor(text))).toThrow('INVALID_FIELD');
  });
});
