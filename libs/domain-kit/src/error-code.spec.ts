import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { errorCode, hasCode } from './error-code.js';

describe('the code of a system error', () => {
  it('is read from errors of node as from any object that has one', async () => {
    const error: unknown = await readFile('/there/is/no/such/file').then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(errorCode(error)).toBe('ENOENT');
    expect([hasCode(error, 'ESRCH', 'ENOENT'), hasCode(error, 'ESRCH')]).toEqual([true, false]);
    expect(errorCode({ code: 'EPERM' })).toBe('EPERM');
  });

  it.each([[undefined], [null], ['ENOENT'], [new Error('ENOENT')], [{ code: 2 }]])('is none of %p', (error) => {
    expect([errorCode(error), hasCode(error, 'ENOENT')]).toEqual([undefined, false]);
  });
});
