import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { homeAt, prepareHome } from '../src/infrastructure/home.js';
import type { Home } from '../src/infrastructure/home.js';
import { identify } from '../src/infrastructure/process-identity.js';
import { ProcessTable } from '../src/infrastructure/process-table.js';
import type { ManagedProcess } from '../src/infrastructure/process-table.js';

describe('the table of processes', () => {
  let home: Home;
  beforeEach(async () => {
    home = homeAt(await mkdtemp(path.join(tmpdir(), 'drover-home-')));
    await prepareHome(home);
  });
  afterEach(() => rm(home.root, { recursive: true, force: true }));

  const recycled = (name: string): ManagedProcess => {
    const own = identify(process.pid);
    if (own === undefined) throw new Error('this process runs');
    return { name, identity: { ...own, startTicks: 1 }, logFile: '/dev/null', stopSignal: 'SIGTERM', patienceMs: 10 };
  };

  it('outlives the process that wrote it', async () => {
    await new ProcessTable(home).add(recycled('a'));
    expect(await new ProcessTable(home).list()).toEqual([recycled('a')]);
  });

  it('holds one process of each name, the last', async () => {
    const table = new ProcessTable(home);
    await table.add(recycled('a'));
    await table.add({ ...recycled('a'), logFile: '/later' });
    expect((await table.list()).map(({ logFile }) => logFile)).toEqual(['/later']);
  });

  it('stops the last started first, and forgets without a signal what has another process at its pid', async () => {
    const table = new ProcessTable(home);
    for (const name of ['bus', 'database', 'services']) await table.add(recycled(name));
    const stopped: string[] = [];
    await table.stopAll(({ name }, how) => stopped.push(`${name} ${how}`));
    expect(stopped).toEqual(['services was-gone', 'database was-gone', 'bus was-gone']);
    expect(await table.list()).toEqual([]);
  });

  it('leaves what others use, asks only of what runs and only when what came later has ended, and forgets it', async () => {
    const table = new ProcessTable(home);
    const identity = identify(process.pid);
    if (identity === undefined) throw new Error('this process runs');
    await table.add({ ...recycled('shared'), identity });
    await table.add(recycled('services'));
    const seen: string[] = [];
    await table.stopAll(
      ({ name }, how) => seen.push(`${name} ${how}`),
      ({ name }) => {
        seen.push(`${name}?`);
        return Promise.resolve(true);
      },
    );
    expect(seen).toEqual(['services was-gone', 'shared?', 'shared left-running']);
    expect(await table.list()).toEqual([]);
  });
});
