import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { replaceSecret } from '../src/infrastructure/files.js';
import { agentFolderOf, closedFolderAbove, homeAt, homeFolder, prepareHome } from '../src/infrastructure/home.js';
import { ensureServiceUsers, giveTo, removeFolderOf } from '../src/infrastructure/system-users.js';

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
      home.serviceCredentialsFolder,
      home.hostCredentialsFolder,
      home.natsFolder,
      agentFolderOf(home, 'simulated'),
    ];
    for (const folderName of closed) expect(await modeOf(folderName)).toBe(0o700);
  });

  it('gives no user a place where root would follow a link of his', async () => {
    const users = await ensureServiceUsers();
    const home = homeAt(path.join(folder, 'home'));
    await prepareHome(home, users);
    const own = process.getuid?.();
    for (const entry of await readdir(home.root, { recursive: true, withFileTypes: true })) {
      const parent = await stat(entry.parentPath);
      expect({ entry: path.join(entry.parentPath, entry.name), uid: parent.uid }).toEqual({
        ...{ entry: path.join(entry.parentPath, entry.name), uid: own },
      });
      expect(parent.mode & 0o022).toBe(0);
    }
  });

  it('is not prepared through a link in place of a folder, and what it leads to stays as it is', async () => {
    const [home, victim] = [homeAt(path.join(folder, 'home')), path.join(folder, 'victim')];
    await prepareHome(home);
    await mkdir(victim);
    await chmod(victim, 0o755);
    await rm(home.serviceCredentialsFolder, { recursive: true });
    await symlink(victim, home.serviceCredentialsFolder);
    await expect(prepareHome(home)).rejects.toThrow(`${home.serviceCredentialsFolder} is no folder`);
    expect(await modeOf(victim)).toBe(0o755);
  });

  it('replaces a link by the file that is meant, and leaves alone what it leads to', async () => {
    const { drover } = await ensureServiceUsers();
    const [other, file] = [path.join(folder, 'other'), path.join(folder, 'secret')];
    await writeFile(other, 'not his', { mode: 0o644 });
    await symlink(other, file);
    await replaceSecret(file, 'his', drover);
    expect(await readFile(other, 'utf8')).toBe('not his');
    expect(await stat(other)).toMatchObject({ uid: process.getuid?.() });
    expect(await modeOf(other)).toBe(0o644);
    expect(await stat(file)).toMatchObject({ uid: drover?.uid ?? process.getuid?.() });
  });

  it('removes what is a user’s with the rights of that user alone', async () => {
    const { drover } = await ensureServiceUsers();
    const [his, others] = [path.join(folder, 'his'), path.join(folder, 'his', 'others')];
    await mkdir(others, { recursive: true, mode: 0o755 });
    await writeFile(path.join(others, 'file'), 'kept');
    await giveTo(drover, his);
    await symlink(others, path.join(his, 'link'));
    if (drover !== undefined) {
      await expect(removeFolderOf(drover, his)).rejects.toThrow(/Permission denied/);
      expect(await readFile(path.join(others, 'file'), 'utf8')).toBe('kept');
      await giveTo(drover, others);
    }
    await removeFolderOf(drover, his);
    await expect(stat(his)).rejects.toMatchObject({ code: 'ENOENT' });
    await removeFolderOf(drover, his);
  });

  it('finds the outermost folder that other users cannot pass', async () => {
    const closed = path.join(folder, 'closed');
    await mkdir(closed, { mode: 0o700 });
    expect(await closedFolderAbove(path.join(closed, 'not', 'yet'))).toBe(closed);
    expect(await closedFolderAbove(folder)).toBeUndefined();
  });
});
