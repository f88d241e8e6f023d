import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ImageResource, VmResource } from '@drover/contracts';
import { RealHost } from './real-host.runner.js';

const run = promisify(execFile);

describe('a registered image on a real host', () => {
  let host: RealHost;
  let folder: string;
  const inFolder = (name: string) => path.join(folder, name);

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-images-'));
    await mkdir(inFolder('small'));
    await writeFile(inFolder('small/image.json'), JSON.stringify({ format: 'qcow2', disk: 'disk.qcow2' }));
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', inFolder('small/disk.qcow2'), '1M']);
    await copyFile(inFolder('small/disk.qcow2'), inFolder('kept.qcow2'));
    const images = { path: folder, remove: () => rm(folder, { recursive: true, force: true }) };
    host = await RealHost.start({ images });
  }, 240_000);
  afterAll(() => host?.stop());

  it('is its bytes: a VM is made and started on them, and not on others that have taken their place', async () => {
    const { api } = host;
    const [first] = await api.hostsAlive(1);
    await api.succeed('POST', '/images', { name: 'small', source: { kind: 'host', host: first?.id } });
    const digest = `sha256:${createHash('sha256')
      .update(await readFile(inFolder('kept.qcow2')))
      .digest('hex')}`;
    const image = (await api.send<ImageResource>('GET', '/images/small')).body;
    expect(image.contents).toMatchObject({ digest, format: 'qcow2', virtualSizeBytes: 1024 ** 2 });

    // The scheduler knows the digest once the agent's inventory has told it.
    const told = async () => {
      const { hosts } = (await api.send<ImageResource>('GET', '/images/small')).body;
      return hosts[0]?.has === 'SAME' ? hosts : undefined;
    };
    await api.until('the host has told the digest', told, 90_000);
    const spec = { memory: { sizeMiB: 32 }, disks: [{ name: 'root', image: 'small' }] };
    await api.succeed('POST', '/vms', { name: 'on-small', powerOn: false, spec });
    const vm = (await api.send<VmResource>('GET', '/vms/on-small')).body;
    expect(vm.spec.disks[0]?.image).toBe(`small@${digest}`);

    await run('qemu-img', ['create', '-q', '-f', 'qcow2', inFolder('small/disk.qcow2'), '2M']);
    const start = await api.ended(await api.begin('POST', '/vms/on-small/start', {}));
    expect(start).toMatchObject({ state: 'FAILED', error: { code: 'IMAGE_CHANGED' } });

    await copyFile(inFolder('kept.qcow2'), inFolder('small/disk.qcow2'));
    await api.succeed('POST', '/vms/on-small/start', {});
    expect((await api.send('DELETE', '/images/small')).body).toMatchObject({ code: 'IMAGE_IN_USE' });
  }, 240_000);
});
