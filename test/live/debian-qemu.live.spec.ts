import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PrivateLibvirtd } from '@drover/testing';
import { buildGuestImage, domainOf, guestSpec, RealHost } from './real-host.runner.js';

const run = promisify(execFile);
const PACKAGED = '/etc/libvirt/qemu.conf';

describe("a host whose QEMU runs as Debian's own user, by Debian's own qemu.conf", () => {
  let host: RealHost;
  let qemuConf: string;

  beforeAll(async () => {
    qemuConf = await readFile(PACKAGED, 'utf8');
    // As an administrator has it whose files no other user may read: what QEMU needs must be opened to it on purpose.
    const umaskOfMachine = process.umask(0o077);
    const homeFolder = await mkdtemp(path.join(tmpdir(), 'drover-home-'));
    const images = {
      path: path.join(homeFolder, 'images'),
      remove: () => rm(homeFolder, { recursive: true, force: true }),
    };
    await buildGuestImage(images.path);
    process.umask(umaskOfMachine);
    host = await RealHost.start({ qemuConf, images, homeFolder }, async (libvirtd) => {
      await startVirtlogd(libvirtd);
      process.umask(0o077);
    });
    process.umask(umaskOfMachine);
  }, 240_000);
  afterAll(() => host?.stop());

  it('has the file as the package brought it', async () => {
    const { stdout } = await run('dpkg-query', ['--show', '--showformat=${Conffiles}', 'libvirt-daemon-system']);
    const packaged = stdout.split('\n').find((line) => line.trim().startsWith(`${PACKAGED} `));
    expect(packaged?.trim().split(' ')[1]).toBe(createHash('md5').update(qemuConf).digest('hex'));
  });

  it('boots a VM: that user may read image, kernel and initramfs, and write the volume', async () => {
    const vm = await host.create('plain', guestSpec);
    const { uid } = await stat(`/proc/${host.libvirtd.qemuPid(domainOf(vm.id))}`);
    const { stdout } = await run('id', ['--user', 'libvirt-qemu']);
    expect(uid).toBe(Number(stdout));
    expect(await host.bootCount(vm.id)).toBe(1);
    await host.api.succeed('POST', '/vms/plain/stop', { gracePeriodMs: 60_000 });
    await host.api.succeed('POST', '/vms/plain/start', {});
    expect(await host.bootCount(vm.id)).toBe(2);
  });

  it('leaves the image as it was for the next VM, and nothing behind when it is deleted', async () => {
    const second = await host.create('second', guestSpec);
    expect(await host.bootCount(second.id)).toBe(1);
    await host.api.succeed('DELETE', '/vms/plain');
    await host.api.succeed('DELETE', '/vms/second');
    expect(await host.domains()).toEqual([]);
    expect(await host.volumes()).toEqual([]);
  });
});

/** Debian's qemu.conf gives what QEMU prints to virtlogd; where systemd does not start that, an administrator does. */
async function startVirtlogd(libvirtd: PrivateLibvirtd): Promise<void> {
  await run('nsenter', ['--target', String(libvirtd.pid), '--mount', '--', 'virtlogd', '--daemon']);
}
