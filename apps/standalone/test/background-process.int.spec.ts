import { mkdtemp, readFile, rm, symlink, watch, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { endingOf, startInBackground, StartFailure } from '../src/infrastructure/background-process.js';
import { identify, isRunning, stopProcess } from '../src/infrastructure/process-identity.js';
import type { ProcessIdentity } from '../src/infrastructure/process-identity.js';

describe('a process in the background', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-background-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const command = (script: string) => ({
    name: 'server',
    command: 'sh',
    args: ['-c', script],
    logFile: path.join(folder, 'server.log'),
  });

  it('says in its log what ended it, though it could not say so itself', async () => {
    const server = command('echo ready; exec cat /dev/zero > /dev/null');
    const identity = await startInBackground(server, async () => (await readFile(server.logFile, 'utf8')) !== '');
    const changes = watch(server.logFile)[Symbol.asyncIterator]();
    const changed = changes.next();
    await stopProcess(identity, 'SIGKILL');
    await changed;
    await changes.return?.();
    expect(await readFile(server.logFile, 'utf8')).toBe('ready\nserver ended: SIGKILL\n');
  });

  it('that ends before it serves is told with its last words', async () => {
    const start = startInBackground(command('echo the disk is full; exit 3'), () => false);
    await expect(start).rejects.toBeInstanceOf(StartFailure);
    await expect(start).rejects.toThrow(/server ended (at once|while starting) \(status 3\).*the disk is full/su);
  });

  it('that has ended is not ready, also if another process answers in its place', async () => {
    const start = startInBackground(command('exit 4'), (identity) => !isRunning(identity));
    await expect(start).rejects.toThrow(/server ended (at once|while starting)/u);
  });

  it('is told with how it ended, also if it is gone before the kernel has said so', async () => {
    // Between the kill and the look at the process no turn of the event loop passes, in which its end could be heard of.
    const onLaunched = async ({ pid }: ProcessIdentity) => {
      process.kill(pid, 'SIGKILL');
      while (identify(pid) !== undefined) continue;
    };
    const start = startInBackground({ ...command('exec cat /dev/zero > /dev/null'), onLaunched }, () => true);
    await expect(start).rejects.toThrow(/server ended while starting \(SIGKILL\)/u);
  });

  it('tells how it ended to who started it', async () => {
    const go = path.join(folder, 'go');
    const identity = await startInBackground(command(`until [ -e ${go} ]; do sleep 0.01; done; exit 5`), () => true);
    const ending = endingOf(identity);
    await writeFile(go, '');
    expect(await ending).toBe('status 5');
    expect(await endingOf({ ...identity, startTicks: identity.startTicks + 1 })).toBeUndefined();
  });

  it('is given no setting and no secret of its starter', async () => {
    process.env['DROVER_TOKEN'] = 'hidden';
    try {
      const server = command('env; echo end; exec cat /dev/zero > /dev/null');
      const identity = await startInBackground(server, async () =>
        (await readFile(server.logFile, 'utf8')).includes('end\n'),
      );
      await stopProcess(identity, 'SIGKILL');
      expect(await readFile(server.logFile, 'utf8')).not.toContain('hidden');
    } finally {
      delete process.env['DROVER_TOKEN'];
    }
  });

  it('does not write through a link that stands in place of its log', async () => {
    const target = path.join(folder, 'target');
    await writeFile(target, 'kept');
    await symlink(target, command('').logFile);
    await expect(startInBackground(command('echo through'), () => true)).rejects.toMatchObject({ code: 'ELOOP' });
    expect(await readFile(target, 'utf8')).toBe('kept');
  });
});
