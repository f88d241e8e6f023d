import { describe, expect, it } from '@jest/globals';
import { positionSchema } from '@drover/contracts';
import { PositionWaiters } from './position-waiters.js';

const at = (text: string) => positionSchema.parse(text);

describe('waiting for a position', () => {
  it('is over at once where it is reached already', async () => {
    const waiters = new PositionWaiters();
    waiters.advanceTo(at('10'));
    expect(await waiters.waitFor(at('9'), 0)).toBe('reached');
    expect(await waiters.waitFor(at('10'), 0)).toBe('reached');
  });

  it('ends for those whose position is reached, and for no others', async () => {
    const waiters = new PositionWaiters();
    const near = waiters.waitFor(at('5'), 1000);
    const far = waiters.waitFor(at('12'), 1000);
    waiters.advanceTo(at('9'));
    expect(await near).toBe('reached');
    waiters.release();
    expect(await far).toBe('not-yet');
  });

  it('ends when its time is over', async () => {
    expect(await new PositionWaiters().waitFor(at('1'), 1)).toBe('not-yet');
  });

  it('never goes back', async () => {
    const waiters = new PositionWaiters();
    waiters.advanceTo(at('10'));
    waiters.advanceTo(at('9'));
    expect(waiters.reached).toBe('10');
  });

  it('asks its source only while somebody waits, and bears its failures', async () => {
    let asked = 0;
    const source = {
      read: async () => {
        asked += 1;
        if (asked === 1) throw new Error('not now');
        return at(String(asked));
      },
      everyMs: 0,
    };
    const waiters = new PositionWaiters(source);
    expect(await waiters.waitFor(at('3'), 1000)).toBe('reached');
    expect(asked).toBe(3);
  });
});
