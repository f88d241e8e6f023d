import { describe, expect, it } from '@jest/globals';
import { answerTo } from './check.mjs';

describe('npm run check', () => {
  it('checks where it is asked for nothing else', () => {
    expect(answerTo([])).toBeUndefined();
    expect(answerTo(['--all'])).toBeUndefined();
  });

  it.each([['--help'], ['-h'], ['--all', '--help']])('tells how it is used, and checks nothing: %s', (...args) => {
    expect(answerTo(args)).toEqual({ status: 0, text: expect.stringContaining('--all ') });
  });

  it.each([['--bogus'], ['--all', 'libs/messaging'], ['--al']])('refuses what it does not know: %s', (...args) => {
    expect(answerTo(args)).toEqual({ status: 2, text: expect.stringContaining(`unknown: ${args.at(-1)}`) });
  });
});
