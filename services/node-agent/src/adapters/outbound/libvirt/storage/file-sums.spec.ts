import { createHash } from 'node:crypto';
import { appendFileSync, chownSync } from 'node:fs';
import { chown, mkdtemp, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FileSums } from './file-sums.adapter.js';
import { readWhole } from './image-file.adapter.js';

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

  it('knows a file that was given to another user: libvirt does so when a VM starts', async () => {
    const sums = new FileSums();
    const then = new Date(1_700_000_000_000);
    await utimes(inFolder('disk'), then, then);
    await sums.of(inFolder('disk'));
    await chown(inFolder('disk'), 12_345, 12_345);
    expect(await sums.known(inFolder('disk'))).toBe(sha256('one'));
    // Its time of writing is put back: what is left of the change is its time, also under the owner that it was given to.
    const { atime, mtime } = await stat(inFolder('disk'));
    await writeFile(inFolder('disk'), 'two');
    await utimes(inFolder('disk'), atime, mtime);
    expect(await sums.known(inFolder('disk'))).toBeUndefined();
  });

  it('does not know a file whose group was changed with its bytes: its owner may do that', async () => {
    const sums = new FileSums();
    const then = new Date(1_700_000_000_000);
    await utimes(inFolder('disk'), then, then);
    await sums.of(inFolder('disk'));
    await writeFile(inFolder('disk'), 'two');
    await utimes(inFolder('disk'), then, then);
    await chown(inFolder('disk'), process.getuid?.() ?? 0, 12_345);
    expect(await sums.known(inFolder('disk'))).toBeUndefined();
  });

  /** Sums of files, each of which is changed in the midst of its reading. */
  const changedMeanwhile = (change: (reading: number) => void) => {
    let readings = 0;
    return new FileSums(undefined, (file, take) =>
      readWhole(file, (piece) => {
        take(piece);
        change((readings += 1));
      }),
    );
  };

  it('reads a file once that is given to another user meanwhile', async () => {
    const sums = changedMeanwhile((reading) => {
      expect(reading).toBe(1);
      chownSync(inFolder('disk'), 12_345, 12_345);
    });
    expect(await sums.of(inFolder('disk'))).toBe(sha256('one'));
  });

  it('reads a file again that was written to meanwhile, and gives up where that goes on', async () => {
    const once = changedMeanwhile((reading) => reading === 1 && appendFileSync(inFolder('disk'), ', two'));
    expect(await once.of(inFolder('disk'))).toBe(sha256('one, two'));
    // A reading that went on to the end of the file would never come to it.
    const always = changedMeanwhile(() => appendFileSync(inFolder('disk'), ', more'));
    await expect(always.of(inFolder('disk'))).rejects.toThrow('it was changed while it was read, 3 times');
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
