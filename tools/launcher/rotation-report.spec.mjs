import { describe, expect, it } from '@jest/globals';
import { attemptEach, shown, whatFailed } from './rotation-report.mjs';

describe('rotate', () => {
  it('goes on with the other secrets where one fails, and says what to do about it', async () => {
    const attempted = [];
    const failures = await attemptEach(['nats', 'orders', 'database'], async (name) => {
      attempted.push(name);
      if (name === 'nats') throw new Error('no rights');
    });
    expect(attempted).toEqual(['nats', 'orders', 'database']);
    expect(whatFailed(failures)).toMatch(/^nats was not renewed.*: no rights\n.*\.\/drover rotate nats/);
    expect(whatFailed([{ name: 'start', error: new Error('port taken') }])).toMatch(/port taken\n.*\.\/drover up/);
  });

  it('shows what a process calls itself, and sends nothing of it that drives a terminal', () => {
    expect(shown('\u001b[8mhidden\u202e\n')).toBe('\\u{1b}[8mhidden\\u{202e}\\u{a}');
    expect(shown('node (worker)')).toBe('node (worker)');
  });
});
