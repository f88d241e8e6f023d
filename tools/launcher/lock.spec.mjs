import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { withLock } from './lock.mjs';

describe('a lock', () => {
  it('lets one in at a time', async () => {
    const scope = randomUUID();
    let inside = 0;
    let most = 0;
    const enter = () =>
      withLock(
        'test',
        async () => {
          inside += 1;
          most = Math.max(most, inside);
          await new Promise((resolve) => setImmediate(resolve));
          inside -= 1;
        },
        scope,
      );
    await Promise.all([enter(), enter(), enter()]);
    expect(most).toBe(1);
  });

  it('is given back when the work fails', async () => {
    const scope = randomUUID();
    const failing = withLock('test', () => Promise.reject(new Error('no disk')), scope);
    await expect(failing).rejects.toThrow('no disk');
    expect(await withLock('test', () => 'again', scope)).toBe('again');
  });

  it('is taken over from a holder that died', async () => {
    const scope = randomUUID();
    const module = path.join(import.meta.dirname, 'lock.mjs');
    const program = `import { withLock } from ${JSON.stringify(module)};
      await withLock('test', () => process.kill(process.pid, 'SIGKILL'), ${JSON.stringify(scope)});`;
    const died = spawnSync(process.execPath, ['--input-type=module', '--eval', program]);
    expect(died.signal).toBe('SIGKILL');
    expect(await withLock('test', () => 'taken', scope)).toBe('taken');
  });
});
