import { describe, expect, it } from '@jest/globals';
import { KeyedQueue } from './keyed-queue.js';

describe('a keyed queue', () => {
  it('runs the actions of one key one after the other, in the order of the calls', async () => {
    const queue = new KeyedQueue<string>();
    const first = Promise.withResolvers<void>();
    const log: string[] = [];
    const runs = [
      queue.run('a', async () => {
        await first.promise;
        log.push('first');
      }),
      queue.run('a', async () => log.push('second')),
    ];
    await queue.run('b', async () => log.push('other key'));
    first.resolve();
    await Promise.all(runs);
    expect(log).toEqual(['other key', 'first', 'second']);
  });

  it('goes on after an action that failed, and tells its caller alone', async () => {
    const queue = new KeyedQueue<string>();
    const failed = queue.run('a', () => Promise.reject(new Error('no')));
    const next = queue.run('a', async () => 'yes');
    await expect(failed).rejects.toThrow('no');
    await expect(next).resolves.toBe('yes');
  });

  it('keeps nothing of keys that wait for nothing', async () => {
    const queue = new KeyedQueue<number>();
    await Promise.all(Array.from({ length: 100 }, (_, key) => queue.run(key, async () => key)));
    await queue.run(-1, async () => undefined);
    expect(queue.size).toBeLessThanOrEqual(1);
  });
});
