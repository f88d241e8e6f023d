import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ensureServiceUsers } from '../src/infrastructure/system-users.js';
import { endSessionsOf, processesOf } from '../src/infrastructure/processes-of-user.js';

describe('the processes of a user', () => {
  let end = () => {};
  afterEach(() => end());

  it('are found with what began their session, and what a part has left behind is ended, and nothing else', async () => {
    const { drover } = await ensureServiceUsers();
    const user = drover ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    // What it starts outlives it.
    const part = spawn('sh', ['-c', 'sleep 1000 & echo $!'], {
      ...user,
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const other = spawn('sleep', ['1000'], { ...user, detached: true, stdio: 'ignore' });
    end = () => void other.kill('SIGKILL');
    const [said] = (await once(part.stdout, 'data')) as [Buffer];
    await once(part, 'exit');
    const left = { pid: Number(said.toString()), name: 'sleep', session: part.pid };
    expect(await processesOf(user)).toContainEqual(left);
    await endSessionsOf(user, [part.pid ?? 0]);
    const after = await processesOf(user);
    expect(after).not.toContainEqual(left);
    expect(after).toContainEqual({ pid: other.pid, name: 'sleep', session: other.pid });
  });
});
