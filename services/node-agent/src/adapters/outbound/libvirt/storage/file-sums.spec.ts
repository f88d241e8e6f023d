import { createHash } from 'node:crypto';
import { mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FileSums } from './file-sums.adapter.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('FileSums', () => {
  let folder: string;
  const inFolder = (name: string) => path.join(folder, name);

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-sums-'));
    await writeFile(inFolder('disk'), 'one');
  });
  afterEach(async () => rm(folder, { recursive: true }));

  it('knows a file once it was read, after a restart as well', async () => {
    const sums = new FileSums(inFolder('kept'));
    expect(await sums.known(inFolder('disk'))).toBeUndefined();
    expect(await sums.of(inFolder('disk'))).toBe(sha256('one'));
    expect(await sums.known(inFolder('disk'))).toBe(sha256('one'));
    expect(await new FileSums(inFolder('kept')).known(inFolder('disk'))).toBe(sha256('one'));
    expect(sums.problem).toBeUndefined();
  });

  it('does not know a file of the same size and time that has taken its place', async () => {
    const sums = new FileSums();
    const then = new Date(1_700_000_000_000);
    await utimes(inFolder('disk'), then, then);
    await sums.of(inFolder('disk'));
    await writeFile(inFolder('new'), 'two');
    await utimes(inFolder('new'), then, then);
    await rename(inFolder('new'), inFolder('disk'));
    expect(await sums.known(inFolder('disk'))).toBeUndefined();
    expect(await sums.of(inFolder('disk'))).toBe(sha256('two'));
  });

  it('reads a file once for all that ask meanwhile', async () => {
    const sums = new FileSums();
    const both = await Promise.all([sums.of(inFolder('disk')), sums.of(inFolder('disk'))]);
    expect(both).toEqual([sha256('one'), sha256('one')]);
  });

  it.each([
    ['no JSON', '{', 'they are damaged'],
    ['something else', '{"a":1}', 'they are damaged'],
  ])('reads all anew where what it kept is %s, and says so until it is kept again', async (_what, kept, why) => {
    await writeFile(inFolder('kept'), kept);
    const sums = new FileSums(inFolder('kept'));
    expect(sums.problem).toBe(`kept sums of images cannot be read: ${why}`);
    expect(await sums.of(inFolder('disk'))).toBe(sha256('one'));
    expect(sums.problem).toBeUndefined();
  });

  it('gives the sum of a file also where it cannot be kept, and says so', async () => {
    const sums = new FileSums(inFolder('absent/kept'));
    expect(await sums.of(inFolder('disk'))).toBe(sha256('one'));
    expect(sums.problem).toBe('sums of images cannot be kept: ENOENT');
  });

  it('reads no more of a file when it is stopped', async () => {
    const sums = new FileSums();
    const reading = sums.of(inFolder('disk'));
    sums.stop();
    await expect(reading).rejects.toThrow('the agent stopped while it read it');
    expect(await sums.of(inFolder('disk'))).toBe(sha256('one'));
  });
});
