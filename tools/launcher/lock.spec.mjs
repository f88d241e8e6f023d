import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { withLock } from './lock.mjs';

describe('a lock', () => {
  let parent;
  let folder;
  beforeEach(() => {
    parent = mkdtempSync(path.join(tmpdir(), 'drover-lock-'));
    folder = path.join(parent, 'run');
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  it('lets one in at a time', async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
    };
    await Promise.all([1, 2, 3].map(() => withLock('test', work, folder)));
    expect(most).toBe(1);
  });

  it('is given back when the work fails', async () => {
    const failing = withLock('test', () => Promise.reject(new Error('no disk')), folder);
    await expect(failing).rejects.toThrow('no disk');
    expect(await withLock('test', () => 'again', folder)).toBe('again');
  });

  it('is dropped by a holder that is killed', async () => {
    const module = path.join(import.meta.dirname, 'lock.mjs');
    const program = `import { withLock } from ${JSON.stringify(module)};
      await withLock('test', () => process.kill(process.pid, 'SIGKILL'), ${JSON.stringify(folder)});`;
    const died = spawnSync(process.execPath, ['--input-type=module', '--eval', program]);
    expect(died.signal).toBe('SIGKILL');
    expect(await withLock('test', () => 'taken', folder)).toBe('taken');
  });

  it('stands in a folder of its owner alone, and nowhere that others may name', async () => {
    await withLock('test', () => expect(readdirSync(folder)).toEqual(['test.lock']), folder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const link = path.join(parent, 'link');
    symlinkSync(folder, link);
    await expect(withLock('test', () => undefined, link)).rejects.toThrow('is not a folder');
  });

  it('can be held by no user who may enter its folder, and nothing more', async () => {
    chmodSync(parent, 0o755);
    mkdirSync(folder, { mode: 0o755 });
    const file = path.join(folder, 'test.lock');
    writeFileSync(file, '', { mode: 0o644 });
    await withLock('test', () => expect(statSync(file).mode & 0o777).toBe(0o600), folder);
    if (process.getuid() !== 0) return;
    const asAnother = spawnSync('flock', ['--nonblock', file, 'true'], { uid: 65534, gid: 65534, encoding: 'utf8' });
    expect(asAnother).toMatchObject({ status: 66, stderr: expect.stringContaining('Permission denied') });
  });

  it('is waited for no longer than its waiter is asked to end', async () => {
    const holder = spawn('flock', [path.join(parent, 'test.lock'), 'sh', '-c', 'echo locked; exec cat'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(holder.stdout, 'data');
    const asked = new AbortController();
    const waiting = withLock('test', () => undefined, parent, asked.signal);
    asked.abort(new Error('interrupted'));
    await expect(waiting).rejects.toThrow('interrupted');
    holder.stdin.end();
    await once(holder, 'close');
  });
});
