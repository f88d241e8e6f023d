import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { replaceFile, replaceSecret } from './files.js';

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
});
