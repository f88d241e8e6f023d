import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ImageStore } from './image-store.adapter.js';

describe('ImageStore', () => {
  let folder: string;
  const describeImage = async (name: string, content: unknown, files: readonly string[] = ['disk.qcow2']) => {
    await mkdir(path.join(folder, name));
    await writeFile(path.join(folder, name, 'image.json'), JSON.stringify(content));
    for (const file of files) await writeFile(path.join(folder, name, file), '');
  };
  const guest = { name: 'guest', format: 'qcow2', disk: 'disk.qcow2', virtualSizeBytes: 1024, sha256: 'ignored' };

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-images-'));
  });
  afterEach(async () => rm(folder, { recursive: true }));

  it('lists images by name and leaves out folders that describe none', async () => {
    await describeImage('guest', guest);
    await describeImage('broken', { name: 'broken' });
    await mkdir(path.join(folder, 'empty'));
    expect(await new ImageStore(folder).list()).toEqual(['guest']);
    expect(await new ImageStore(path.join(folder, 'absent')).list()).toEqual([]);
  });

  it('gives absolute paths of disk and kernel', async () => {
    await describeImage('guest', { ...guest, kernel: 'kernel', commandLine: 'quiet' }, ['disk.qcow2', 'kernel']);
    expect(await new ImageStore(folder).get('guest')).toMatchObject({
      diskPath: path.join(folder, 'guest/disk.qcow2'),
      directKernel: { kernel: path.join(folder, 'guest/kernel'), commandLine: 'quiet' },
    });
  });

  it.each(['absent', '..', '../guest', 'a/b'])('does not find %s', async (name) => {
    await expect(new ImageStore(folder).get(name)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });

  it('does not follow a description out of its folder', async () => {
    await describeImage('guest', { ...guest, disk: '../../etc/shadow' });
    await expect(new ImageStore(folder).get('guest')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });

  it('says which file of an image is missing', async () => {
    await describeImage('guest', { ...guest, kernel: 'kernel' });
    await expect(new ImageStore(folder).get('guest')).rejects.toMatchObject({
      code: 'IMAGE_UNREADABLE',
      message: expect.stringContaining('kernel'),
    });
  });
});
