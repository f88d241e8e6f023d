import { mkdtemp, readFile, rm, watch } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startInBackground, StartFailure } from '../src/infrastructure/background-process.js';
import { stopProcess } from '../src/infrastructure/process-identity.js';

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
    await expect(start).rejects.toThrow(/server ended (at once|while starting).*the disk is full/su);
  });
});
