import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPrivateLibvirtd } from '../src/libvirtd/private-libvirtd.runner.js';
import type { PrivateLibvirtd } from '../src/libvirtd/private-libvirtd.runner.js';

// A killed process that its parent does not wait for stays as a zombie, which is dead all the same.
const isAlive = (pid: number) =>
  existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

const xml = `<domain type='qemu'><name>tiny</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os><devices><serial type='null'/></devices></domain>`;

describe('a private libvirtd', () => {
  let libvirtd: PrivateLibvirtd;
  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
  }, 60_000);
  afterAll(() => libvirtd.stop());

  it('keeps its domains over a restart and takes them with it when it stops', async () => {
    const file = path.join(libvirtd.dir, 'tiny.xml');
    writeFileSync(file, xml);
    await libvirtd.virsh('create', file);
    const qemu = libvirtd.qemuPid('tiny');
    expect(libvirtd.children()).toContain(qemu);

    const before = libvirtd.pid;
    await libvirtd.restart();
    expect(libvirtd.pid).not.toBe(before);
    expect(await libvirtd.virsh('list', '--name')).toBe('tiny');
    expect(libvirtd.qemuPid('tiny')).toBe(qemu);

    await libvirtd.stop();
    expect(isAlive(qemu)).toBe(false);
    expect(existsSync(libvirtd.dir)).toBe(false);
  }, 60_000);

  it('shows neither the domains nor the networks of another', async () => {
    const [one, other] = await Promise.all([startPrivateLibvirtd(), startPrivateLibvirtd()]);
    try {
      const file = path.join(one.dir, 'tiny.xml');
      writeFileSync(file, xml);
      await one.virsh('create', file);
      expect(await other.virsh('list', '--all', '--name')).toBe('');
      expect(await other.virsh('net-list', '--all', '--name')).toBe('');
    } finally {
      await Promise.all([one.stop(), other.stop()]);
    }
  }, 60_000);
});
