import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readKernelMemory } from './host-memory.adapter.js';

describe('the memory of a host', () => {
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'drover-memory-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  async function put(file: string, content: string): Promise<void> {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), content);
  }

  const kib = (mib: number) => `${mib * 1024} kB`;
  const memInfo = (hugeMiB = 0) =>
    `MemTotal:       ${kib(10_240)}\nMemFree:        ${kib(100)}\nMemAvailable:   ${kib(4_096)}\nHugetlb:        ${kib(hugeMiB)}\n`;

  it('is what the kernel says, with huge pages apart', async () => {
    await put('proc/meminfo', memInfo(5_120));
    expect(await readKernelMemory(root)).toEqual({ memoryMiB: 10_240, hugePagesMiB: 5_120, usedMiB: 1_024 });
  });

  it.each(['sys/fs/cgroup/memory.max', 'sys/fs/cgroup/machine.slice/memory.max'])(
    'is no more than the limit in %s',
    async (file) => {
      await put('proc/meminfo', memInfo());
      await put(file, `${2_048 * 1024 ** 2}\n`);
      expect((await readKernelMemory(root)).memoryMiB).toBe(2_048);
      await put(file, 'max\n');
      expect((await readKernelMemory(root)).memoryMiB).toBe(10_240);
    },
  );

  it('is not made up where the kernel does not tell it', async () => {
    await put('proc/meminfo', 'MemFree: 1 kB\n');
    await expect(readKernelMemory(root)).rejects.toThrow('does not tell');
  });
});
