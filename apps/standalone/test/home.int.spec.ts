import { chmod, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { agentFolderOf, closedFolderAbove, homeAt, homeFolder, prepareHome } from '../src/infrastructure/home.js';

describe('homeFolder', () => {
  it('is what DROVER_HOME says, for everybody', () => {
    expect(homeFolder({ DROVER_HOME: '/srv/a/../b' }, 0)).toBe('/srv/b');
  });

  it('is where QEMU and PostgreSQL can reach it, for root', () => {
    expect(homeFolder({ HOME: '/root' }, 0)).toBe('/var/lib/drover');
  });

  it("is among a user's own data", () => {
    expect(homeFolder({ HOME: '/home/u' }, 1000)).toBe('/home/u/.local/share/drover');
    expect(homeFolder({ HOME: '/home/u', XDG_DATA_HOME: '/data' }, 1000)).toBe('/data/drover');
  });
});

describe('a home', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-home-'));
    await chmod(folder, 0o755);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const modeOf = async (name: string) => (await stat(name)).mode & 0o777;

  it("opens images and volumes to QEMU's user, and closes keys, journals and logs", async () => {
    const home = homeAt(path.join(folder, 'home'));
    await prepareHome(home);
    for (const open of [home.root, home.imageFolder, home.poolFolder]) expect(await modeOf(open)).toBe(0o755);
    const closed = [
      path.dirname(home.apiTokenFile),
      home.credentialsFolder,
      home.natsFolder,
      agentFolderOf(home, 'simulated'),
    ];
    for (const folderName of closed) expect(await modeOf(folderName)).toBe(0o700);
  });

  it('finds the outermost folder that other users cannot pass', async () => {
    const closed = path.join(folder, 'closed');
    await mkdir(closed, { mode: 0o700 });
    expect(await closedFolderAbove(path.join(closed, 'not', 'yet'))).toBe(closed);
    expect(await closedFolderAbove(folder)).toBeUndefined();
  });
});
