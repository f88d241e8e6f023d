import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { canVirtualise, isLibvirtUsed } from '../src/infrastructure/libvirtd.runner.js';
import { identify, stopProcess, type ProcessIdentity } from '../src/infrastructure/process-identity.js';

const run = promisify(execFile);
const fixture = path.join(import.meta.dirname, 'libvirtd-launch.fixture.mjs');

/** A machine of its own for libvirtd, as far as files and network go: mounts made here reach the daemon, as on a real one. */
const machine = `set -e
for folder in /run/libvirt /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt; do
  mkdir -p "$1$folder"
  mount --bind "$1$folder" "$folder"
done
mount --make-rshared /
shift
exec "$@"`;

interface Launched {
  readonly socket: string;
  readonly launched: Readonly<Record<'libvirtd' | 'virtlogd', ProcessIdentity>>;
}

describe("libvirtd that was started for a machine's VMs", () => {
  let folder: string;
  let launched: Launched['launched'];
  let socket: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-libvirtd-'));
    await mkdir(path.join(folder, 'etc/libvirt'), { recursive: true });
    await writeFile(path.join(folder, 'etc/libvirt/qemu.conf'), 'security_driver = "none"\n');
    await writeFile(path.join(folder, 'etc/libvirt/libvirtd.conf'), '');
    const { stdout } = await run('unshare', [
      ...['--mount', '--net', '--propagation', 'private', 'sh', '-c', machine, 'machine', folder],
      ...[process.execPath, fixture, path.join(folder, 'logs')],
    ]);
    const answer = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Launched;
    launched = answer.launched;
    socket = path.join(folder, answer.socket);
  }, 120_000);
  afterAll(async () => {
    // QEMU outlives its libvirtd; there is none where the test ended as it should.
    await virsh('destroy', 'vm').catch((error: unknown) => error);
    for (const identity of Object.values(launched ?? {})) await stopProcess(identity);
    await rm(folder, { recursive: true, force: true });
  });

  const virsh = async (...words: string[]) =>
    (await run('virsh', ['--quiet', '--connect', `qemu:///system?socket=${socket}`, ...words])).stdout;

  it('is the very process that was recorded', async () => {
    const { libvirtd } = launched;
    expect(identify(libvirtd.pid)).toEqual(libvirtd);
    expect((await readFile(`/proc/${libvirtd.pid}/comm`, 'utf8')).trim()).toBe('libvirtd');
    expect(await virsh('uri')).toContain('qemu:///system');
  });

  it('sees /dev/kvm only where the processor can virtualise, and every other device as the machine does', async () => {
    const device = (name: string) => existsSync(`/proc/${launched.libvirtd.pid}/root/dev/${name}`);
    const isUseful = canVirtualise(await readFile('/proc/cpuinfo', 'utf8'));
    expect(device('kvm')).toBe(existsSync('/dev/kvm') && (isUseful || process.arch !== 'x64'));
    for (const name of ['null', 'zero', 'urandom', 'pts/ptmx', 'shm', 'net/tun']) {
      expect([name, device(name)]).toEqual([name, existsSync(`/dev/${name}`)]);
    }
  });

  it('sees what is mounted later on the machine, such as a pool', async () => {
    const pool = path.join(folder, 'pool');
    await mkdir(pool);
    // virtlogd stands for the machine: it was started next to libvirtd, without a namespace of its own.
    const machineOf = ['--target', String(launched.virtlogd.pid), '--mount', '--'];
    await run('nsenter', [...machineOf, 'mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', pool]);
    const seen = await readFile(`/proc/${launched.libvirtd.pid}/mountinfo`, 'utf8');
    expect(seen).toContain(` ${pool} `);
    await run('nsenter', [...machineOf, 'umount', pool]);
  });

  it('is used by others as long as a client is connected', async () => {
    const isUsed = () => isLibvirtUsed({ name: 'libvirtd', identity: launched.libvirtd });
    expect(await isUsed()).toBe(false);
    const client = createConnection(socket);
    await once(client, 'connect');
    // The daemon takes the connection up a moment later.
    while (!(await isUsed())) await delay(5);
    client.destroy();
    expect(await isUsed()).toBe(false);
  });

  it('runs a VM, and answers what QEMU can do without probing it each time', async () => {
    const file = path.join(folder, 'vm.xml');
    await writeFile(
      file,
      `<domain type='qemu'><name>vm</name><memory unit='MiB'>32</memory><os><type arch='x86_64'>hvm</type></os></domain>`,
    );
    await virsh('create', file);
    expect((await virsh('domstate', 'vm')).trim()).toBe('running');
    // What a probe found is written down anew each time.
    const cache = path.join(folder, 'var/cache/libvirt/qemu/capabilities');
    const probedAt = async () =>
      Promise.all((await readdir(cache)).map(async (name) => [name, (await stat(path.join(cache, name))).mtimeMs]));
    const before = await probedAt();
    expect(before.length).toBeGreaterThan(0);
    for (let index = 0; index < 3; index += 1) await virsh('domcapabilities', '--virttype', 'qemu');
    expect(await probedAt()).toEqual(before);
    await virsh('destroy', 'vm');
    expect((await virsh('list', '--all')).trim()).toBe('');
  });
});
