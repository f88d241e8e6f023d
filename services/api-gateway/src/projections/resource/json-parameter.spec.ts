import { describe, expect, it } from '@jest/globals';
import { jsonParameter } from './json-parameter.js';

describe('rows as a parameter', () => {
  it('are plain JSON', () => {
    const rows = [{ a: 'x "quoted" \\ 😀 \n \u0001', b: [1, null] }];
    expect(jsonParameter(rows)).toBe(JSON.stringify(rows));
  });

  it('have a sign in place of what PostgreSQL cannot hold, in keys too', () => {
    const rows = [{ 'key\u0000': 'zero \u0000, half \ud83d, other half \ude00, whole 😀' }];
    expect(JSON.parse(jsonParameter(rows))).toEqual([
      { 'key\ufffd': 'zero \ufffd, half \ufffd, other half \ufffd, whole 😀' },
    ]);
  });

  it('leave alone what only looks like it', () => {
    const rows = [{ a: '\\u0000 \\\\ud83d', b: '\\\u0000' }];
    expect(JSON.parse(jsonParameter(rows))).toEqual([{ a: '\\u0000 \\\\ud83d', b: '\\\ufffd' }]);
  });
});
