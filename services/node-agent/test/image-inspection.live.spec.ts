/** What qemu-img makes, read by our own reader of headers. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ImageStore } from '../src/adapters/outbound/libvirt/storage/image-store.adapter.js';

const run = promisify(execFile);

describe('images made by qemu-img', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-images-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function imageOf(
    name: string,
    options: readonly string[],
    format = 'qcow2',
    made = format,
  ): Promise<ImageStore> {
    const inImage = (file: string) => path.join(folder, name, file);
    await mkdir(path.join(folder, name));
    await writeFile(inImage('image.json'), JSON.stringify({ format, disk: 'disk' }));
    await run('qemu-img', ['create', '-q', '-f', made, ...options, inImage('disk'), '5M']);
    return new ImageStore(folder);
  }

  it.each<[string, readonly string[]]>([
    ['version-3', []],
    ['version-2', ['-o', 'compat=0.10']],
    ['zstd', ['-o', 'compression_type=zstd']],
    ['extended', ['-o', 'extended_l2=on']],
    ['preallocated', ['-o', 'preallocation=metadata']],
  ])('%s: has the size that it was made with', async (name, options) => {
    expect(await (await imageOf(name, options)).get(name)).toMatchObject({ virtualSizeBytes: 5 * 1024 ** 2 });
  });

  it('raw: has the size of its file', async () => {
    const images = await imageOf('raw', [], 'raw');
    expect(await images.get('raw')).toMatchObject({ virtualSizeBytes: 5 * 1024 ** 2 });
  });

  it.each<[string, (own: string) => readonly string[], string, string, RegExp]>([
    ['backed', () => ['-b', '/etc/hostname', '-F', 'raw', '-u'], 'qcow2', 'qcow2', /backing file/],
    ['split', (own) => ['-o', `data_file=${path.join(own, 'data')}`], 'qcow2', 'qcow2', /another file/],
    [
      'split-raw',
      (own) => ['-o', `data_file=${path.join(own, 'data')},data_file_raw=on`],
      'qcow2',
      'qcow2',
      /another file/,
    ],
    ['not-raw', () => [], 'raw', 'qcow2', /is qcow2/],
    ['not-qcow2', () => [], 'qcow2', 'raw', /does not begin/],
    ['vmdk', () => [], 'raw', 'vmdk', /is VMDK/],
  ])('%s: is refused', async (name, options, format, made, why) => {
    const images = await imageOf(name, options(path.join(folder, name)), format, made);
    await expect(images.get(name)).rejects.toMatchObject({
      code: 'IMAGE_REFUSED',
      message: expect.stringMatching(why),
    });
  });
});
