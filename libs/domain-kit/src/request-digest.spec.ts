import { describe, expect, it } from '@jest/globals';
import { requestDigest } from './request-digest.js';

const command = { commandId: 'c1', actor: { kind: 'user', id: 'ada', requestId: 'r1' }, verb: 'stop', mode: 'force' };

describe('the digest of a request', () => {
  it('is the same for a repeat, in whatever order and by which message it comes', () => {
    const repeat = { mode: 'force', gone: undefined, actor: { id: 'ada' }, commandId: 'c2', verb: 'stop' };
    expect(requestDigest(repeat)).toBe(requestDigest(command));
    expect(requestDigest(command)).toMatch(/^[0-9a-f]{32}$/);
    expect(requestDigest({ a: { x: 1, y: [1, 2] } })).toBe(requestDigest({ a: { y: [1, 2], x: 1 } }));
  });

  it.each([
    [{ ...command, mode: 'graceful' }],
    [{ ...command, verb: 'start' }],
    [{ ...command, constructor: 1 }],
    [{ ...command, list: [1, 2] }],
    [{ ...command, list: [2, 1] }],
    [{ ...command, nested: { a: null } }],
    [{ ...command, nested: {} }],
  ])('is another one for another request: %j', (other) => {
    expect(requestDigest(other)).not.toBe(requestDigest(command));
  });
});
