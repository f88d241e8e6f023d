import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { exists, readPlainIfPresent, replaceFile, replaceSecret } from './files.js';

describe('a file that is replaced', () => {
  let folder: string;
  let umaskBefore: number;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-files-'));
    umaskBefore = process.umask(0o077);
  });
  afterEach(async () => {
    process.umask(umaskBefore);
    await rm(folder, { recursive: true });
  });

  it('has the mode that it was given, whatever the umask of the shell', async () => {
    const file = path.join(folder, 'open');
    await replaceFile(file, 'one');
    await replaceFile(file, 'two');
    await replaceSecret(`${file}-secret`, 'three');
    expect(await readFile(file, 'utf8')).toBe('two');
    const modes = await Promise.all([file, `${file}-secret`].map(async (name) => (await stat(name)).mode & 0o777));
    expect(modes).toEqual([0o644, 0o600]);
  });

  it('is there or not; where that cannot be told, it is not taken to be missing', async () => {
    const file = path.join(folder, 'there');
    expect(await exists(file)).toBe(false);
    await replaceFile(file, 'one');
    expect(await exists(file)).toBe(true);
    await expect(exists(path.join(file, 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});

describe('a file in the folder of another user', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-plain-'));
    file = path.join(folder, 'file');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is read where it is a plain one', async () => {
    expect(await readPlainIfPresent(file)).toBeUndefined();
    await writeFile(file, 'as it is: é');
    expect(await readPlainIfPresent(file)).toBe('as it is: é');
  });

  it.each<[string, () => Promise<unknown> | Buffer]>([
    ['a pipe that is never written to', () => execFileSync('mkfifo', [file])],
    ['a link to a device', () => symlink('/dev/zero', file)],
    ['a folder', () => mkdir(file)],
    ['a file that is larger than any of its kind', () => writeFile(file, '').then(() => truncate(file, 2 ** 31))],
  ])('is as if it were not there where %s stands in its place', async (_what, put) => {
    await put();
    expect(await readPlainIfPresent(file)).toBeUndefined();
  });
});
