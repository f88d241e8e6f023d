import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FileSums } from './file-sums.adapter.js';
import { ImageDigests } from './image-digests.adapter.js';
import { ImageStore } from './image-store.adapter.js';

const run = promisify(execFile);

/** The header of an empty qcow2 disk of 64 MiB. */
function qcow2(): Uint8Array {
  const head = new Uint8Array(512);
  const view = new DataView(head.buffer);
  view.setUint32(0, 0x514649fb);
  view.setUint32(4, 3);
  view.setUint32(20, 16);
  view.setBigUint64(24, BigInt(64 * 1024 ** 2));
  view.setUint32(100, 104);
  return head;
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('ImageStore', () => {
  let folder: string;
  let images: ImageStore;
  const inImage = (...names: string[]) => path.join(folder, ...names);
  const describeImage = async (name: string, content: unknown, files: readonly string[] = ['disk.qcow2']) => {
    await mkdir(inImage(name));
    await writeFile(inImage(name, 'image.json'), JSON.stringify(content));
    for (const file of files) await writeFile(inImage(name, file), qcow2());
  };
  const guest = { name: 'guest', format: 'qcow2', disk: 'disk.qcow2', sha256: 'ignored' };
  const bootable = { ...guest, kernel: 'kernel', initramfs: 'initramfs', commandLine: 'quiet' };
  const describeAgain = (name: string, content: unknown) =>
    writeFile(inImage(name, 'image.json'), JSON.stringify(content));
  const listed = { name: 'guest', format: 'qcow2', virtualSizeMiB: 64 };

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-images-'));
    images = new ImageStore(folder);
  });
  afterEach(async () => rm(folder, { recursive: true }));

  it('lists images with their sizes, and folders that describe none not at all', async () => {
    await describeImage('guest', guest);
    await mkdir(inImage('empty'));
    await mkdir(inImage('.draft'));
    await writeFile(inImage('README'), '');
    expect(await images.list()).toEqual({ images: [listed] });
    expect(await new ImageStore(inImage('absent')).list()).toEqual({ images: [] });
  });

  it('takes the size from the file, whatever the description says', async () => {
    await describeImage('guest', { ...guest, virtualSizeBytes: 1024 });
    expect(await images.get('guest')).toMatchObject({ virtualSizeBytes: 64 * 1024 ** 2 });
  });

  it.each<[string, (name: string) => Promise<unknown>]>([
    ['whose description is a folder', (name) => mkdir(inImage(name, 'image.json'), { recursive: true })],
    [
      'whose description is a pipe',
      async (name) => {
        await mkdir(inImage(name));
        await run('mkfifo', [inImage(name, 'image.json')]);
      },
    ],
    [
      'whose description is a link',
      async (name) => {
        await mkdir(inImage(name));
        await symlink('/etc/passwd', inImage(name, 'image.json'));
      },
    ],
    [
      'whose description is a loop of links',
      async (name) => {
        await mkdir(inImage(name));
        await symlink('image.json', inImage(name, 'image.json'));
      },
    ],
    ['whose description describes nothing', (name) => describeImage(name, { name })],
    ['whose description is huge', (name) => describeImage(name, { ...guest, padding: 'x'.repeat(100_000) })],
    ['whose disk leads out of its folder', (name) => describeImage(name, { ...guest, disk: '../../etc/shadow' })],
    [
      'whose disk is a pipe',
      async (name) => {
        await describeImage(name, guest, []);
        await run('mkfifo', [inImage(name, 'disk.qcow2')]);
      },
    ],
    [
      'whose disk is a link',
      async (name) => {
        await describeImage(name, guest, ['other']);
        await symlink('other', inImage(name, 'disk.qcow2'));
      },
    ],
    ['whose disk is not what it is declared', (name) => describeImage(name, { ...guest, format: 'raw' })],
    [
      'whose kernel is a link',
      async (name) => {
        await describeImage(name, { ...guest, kernel: 'kernel' });
        await symlink('/etc/passwd', inImage(name, 'kernel'));
      },
    ],
  ])('refuses one %s, and tells of it with the others', async (_, make) => {
    await describeImage('guest', guest);
    await make('odd');
    const { images: usable, refusedImages } = await images.list();
    expect(usable).toEqual([listed]);
    expect(refusedImages).toEqual([{ name: 'odd', why: expect.stringMatching(/^IMAGE_REFUSED: ./) }]);
    await expect(images.get('odd')).rejects.toMatchObject({ code: 'IMAGE_REFUSED', outcome: 'not-applied' });
  });

  it('tells of one whose name is none, and goes into no folder that is a link', async () => {
    await describeImage('-odd name', guest);
    await symlink('-odd name', inImage('link'));
    expect(await images.list()).toEqual({
      images: [],
      refusedImages: [{ name: '-odd name', why: expect.any(String) }],
    });
    await expect(images.get('link')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });

  it('tells of a folder of images that cannot be read, and has none', async () => {
    const file = inImage('no-folder');
    await symlink('no-folder', file);
    expect(await new ImageStore(file).list()).toEqual({
      images: [],
      refusedImages: [{ name: file, why: expect.stringContaining('ELOOP') }],
    });
  });

  it('gives absolute paths of disk and kernel', async () => {
    await describeImage('guest', { ...guest, kernel: 'kernel', commandLine: 'quiet' }, ['disk.qcow2', 'kernel']);
    expect(await images.get('guest')).toMatchObject({
      diskPath: inImage('guest/disk.qcow2'),
      directKernel: { kernel: inImage('guest/kernel'), commandLine: 'quiet' },
    });
  });

  it('lists an image without its digest until its files have been read, and tells when they have', async () => {
    await describeImage('guest', guest);
    const read = Promise.withResolvers<void>();
    const store = new ImageStore(folder, new ImageDigests(new FileSums(), read.resolve));
    expect(await store.list()).toEqual({ images: [listed] });
    await read.promise;
    expect(await store.list()).toEqual({ images: [{ ...listed, digest: `sha256:${sha256(qcow2())}` }] });
  });

  it('tells once for each reason that an image cannot be read: a listener that lists the images again would read it without a pause', async () => {
    await describeImage('guest', guest);
    let readings = 0;
    const twice = Promise.withResolvers<void>();
    const sums = new FileSums(undefined, () => {
      readings += 1;
      if (readings === 2) twice.resolve();
      return Promise.reject(Object.assign(new Error('I/O error'), { code: 'EIO' }));
    });
    let lists = Promise.resolve<unknown>(undefined);
    const store: ImageStore = new ImageStore(
      folder,
      new ImageDigests(sums, () => {
        lists = lists.then(() => store.list());
      }),
    );
    await store.list();
    await twice.promise;
    for (let turn = 0; turn < 50; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      await lists;
    }
    expect(readings).toBe(2);
    expect(await store.list()).toMatchObject({ images: [], refusedImages: [{ name: 'guest' }] });
  });

  it('tells that the digest is known also where an order has read the files', async () => {
    await describeImage('guest', guest);
    let told = 0;
    const store = new ImageStore(folder, new ImageDigests(new FileSums(), () => (told += 1)));
    await store.contents('guest');
    expect(told).toBe(1);
    await store.contents('guest');
    expect(told).toBe(1);
  });

  it('gives an image whose content is named, and refuses one whose file has changed since', async () => {
    await describeImage('guest', guest);
    const { digest, fileBytes, format, virtualSizeBytes } = await images.contents('guest');
    expect({ digest, fileBytes, format, virtualSizeBytes }).toEqual({
      ...{ digest: `sha256:${sha256(qcow2())}`, fileBytes: 512 },
      ...{ format: 'qcow2', virtualSizeBytes: 64 * 1024 ** 2 },
    });
    expect(await images.get(`guest@${digest}`)).toMatchObject({ name: 'guest' });
    const other = qcow2();
    other[511] = 1;
    await writeFile(inImage('guest/disk.qcow2'), other);
    await expect(images.get(`guest@${digest}`)).rejects.toMatchObject({
      code: 'IMAGE_CHANGED',
      message: expect.stringContaining(`is sha256:${sha256(other)}, and ${digest} was registered`),
    });
    expect(await images.get('guest')).toMatchObject({ name: 'guest' });
  });

  it.each<[string, (name: string) => Promise<unknown>]>([
    ['kernel', (name) => writeFile(inImage(name, 'kernel'), 'another')],
    ['initramfs', (name) => writeFile(inImage(name, 'initramfs'), 'another')],
    ['command line', (name) => describeAgain(name, { ...bootable, commandLine: 'debug' })],
    ['initramfs left out', (name) => describeAgain(name, { ...bootable, initramfs: undefined })],
  ])('is another image with another %s', async (_what, change) => {
    await describeImage('guest', bootable, ['disk.qcow2', 'kernel', 'initramfs']);
    const before = await images.contents('guest');
    expect(before.digest).not.toBe(`sha256:${sha256(qcow2())}`);
    await change('guest');
    expect((await images.contents('guest')).digest).not.toBe(before.digest);
  });

  it('refuses an image whose files cannot be read to their end, and offers it when they can', async () => {
    await describeImage('guest', guest);
    const broken = { isBroken: true, tried: Promise.withResolvers<void>() };
    class BrokenSums extends FileSums {
      override async of(file: string): Promise<string> {
        if (!broken.isBroken) return super.of(file);
        setImmediate(broken.tried.resolve);
        throw Object.assign(new Error('read'), { code: 'EIO' });
      }
    }
    let read = Promise.withResolvers<void>();
    const store = new ImageStore(folder, new ImageDigests(new BrokenSums(), () => read.resolve()));
    await store.list();
    await read.promise;
    broken.tried = Promise.withResolvers();
    const why: unknown = expect.stringContaining('disk.qcow2: EIO');
    expect(await store.list()).toEqual({ images: [], refusedImages: [{ name: 'guest', why }] });
    await broken.tried.promise;
    broken.isBroken = false;
    read = Promise.withResolvers();
    await store.list();
    await read.promise;
    expect((await store.list()).images).toEqual([{ ...listed, digest: `sha256:${sha256(qcow2())}` }]);
  });

  it.each(['absent', '..', '../guest', 'a/b'])('does not find %s', async (name) => {
    await expect(images.get(name)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });

  it('says which file of an image is missing', async () => {
    await describeImage('guest', { ...guest, kernel: 'kernel' });
    await expect(images.get('guest')).rejects.toMatchObject({
      code: 'IMAGE_UNREADABLE',
      message: expect.stringContaining('kernel: ENOENT'),
    });
  });
});
