import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { QemuProcesses, readCommandLine } from './qemu-processes.adapter.js';

const uuid = '0199c4e2-0000-7000-8000-000000000001';
const commandLine = (...more: string[]) =>
  ['/usr/bin/qemu-system-x86_64', '-name', `guest=drover-${uuid},debug-threads=on`, ...more, '-uuid', uuid].join('\0');

describe('the command line of a QEMU', () => {
  it('names the domain, its memory and vCPUs', () => {
    const facts = readCommandLine(commandLine('-m', 'size=524288k', '-smp', '4,sockets=1,cores=4,threads=1'));
    expect(facts).toEqual({ uuid, name: `drover-${uuid}`, vcpus: 4, memoryMiB: 512 });
  });

  it.each([
    ['32', 32],
    ['size=1048576k,slots=4,maxmem=4194304k', 1024],
    ['2G', 2048],
  ])('has its memory in MiB: %s', (words, memoryMiB) => {
    expect(readCommandLine(commandLine('-m', words))?.memoryMiB).toBe(memoryMiB);
  });

  it('is of no VM where it has no UUID', () => {
    expect(readCommandLine(['qemu-system-x86_64', '-machine', 'none', '-name', 'guest=x'].join('\0'))).toBeUndefined();
    expect(readCommandLine('qemu-system-x86_64\0-uuid')).toBeUndefined();
  });
});

describe('the QEMU processes of a host', () => {
  let folder: string;
  const run = () => path.join(folder, 'run');
  const processes = () => new QemuProcesses(run(), path.join(folder, 'proc'), run());

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-proc-'));
    await mkdir(run());
    await mkdir(path.join(folder, 'proc', 'sys'), { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true }));

  async function addProcess(
    pid: number,
    options: { name?: string; line?: string; isElsewhere?: boolean; uid?: number; vmSizeMiB?: number } = {},
  ) {
    const own = path.join(folder, 'proc', String(pid));
    await mkdir(own, { recursive: true });
    const {
      name = 'qemu-system-x86',
      line = commandLine('-m', '32'),
      isElsewhere = false,
      uid = 0,
      vmSizeMiB = 900,
    } = options;
    await writeFile(
      path.join(own, 'stat'),
      `${pid} (${name}) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 ${vmSizeMiB * 2 ** 20} 20`,
    );
    await writeFile(path.join(own, 'status'), `Name:\t${name}\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`);
    await writeFile(path.join(own, 'cmdline'), line);
    await mkdir(path.join(own, 'root', 'run'), { recursive: true });
    if (isElsewhere) await mkdir(path.join(own, 'root', 'run', 'libvirt'));
    else await symlink(run(), path.join(own, 'root', 'run', 'libvirt'));
  }

  it('are those that see its /run/libvirt; other programs and other hosts of this kernel are left out', async () => {
    await addProcess(11);
    await addProcess(12, { isElsewhere: true });
    await addProcess(13, { name: 'bash' });
    await addProcess(14, { line: '' });
    expect(await processes().all()).toEqual([
      { pid: 11, startTicks: '777', uuid, name: `drover-${uuid}`, vcpus: 1, memoryMiB: 32 },
    ]);
  });

  it('take no more memory than the kernel has mapped for them, whatever their command line says', async () => {
    await addProcess(11, { line: commandLine('-m', '2000000000'), vmSizeMiB: 300 });
    await addProcess(12, { line: commandLine('-m', '256'), vmSizeMiB: 300 });
    expect((await processes().all()).map(({ memoryMiB }) => memoryMiB)).toEqual([300, 256]);
  });

  it('are none that another user calls so, whatever stands in the way of a look at it', async () => {
    await addProcess(11);
    await addProcess(12, { uid: 65_534, line: commandLine('-m', '2000000000') });
    await addProcess(13, { uid: 65_534 });
    const link = path.join(folder, 'proc', '13', 'root', 'run', 'libvirt');
    await rm(link);
    await symlink('libvirt', link);
    expect((await processes().all()).map(({ pid }) => pid)).toEqual([11]);
  });

  it('are those of its own user as well, and of the owner of the folder that libvirt gives QEMU', async () => {
    const { uid } = await stat(run());
    await addProcess(11, { uid });
    expect(await processes().all()).toHaveLength(1);
  });

  it('are told apart from what has their process id later', async () => {
    await addProcess(11);
    const [found] = await processes().all();
    if (found === undefined) throw new Error('no process was found');
    expect(await processes().isThere(found)).toBe(true);
    expect(await processes().isThere({ ...found, startTicks: '778' })).toBe(false);
    await rm(path.join(folder, 'proc', '11'), { recursive: true });
    expect(await processes().isThere(found)).toBe(false);
  });
});
