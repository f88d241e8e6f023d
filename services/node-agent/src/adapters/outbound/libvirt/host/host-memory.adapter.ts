import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { hasCode } from '@drover/domain-kit';

const MIB = 1024 ** 2;

export interface KernelMemory {
  /** That the kernel manages and this machine's guests may have, huge pages included. */
  readonly memoryMiB: number;
  /** Of it, set aside as huge pages of every size, used or not. */
  readonly hugePagesMiB: number;
  /** In use by any process, without huge pages: memory that the kernel could give out at once is not. */
  readonly usedMiB: number;
}

/** Limits over everything here, as in a container, and over all machines, as systemd keeps them; cgroup v2 and v1. */
const LIMIT_FILES = [
  'sys/fs/cgroup/memory.max',
  'sys/fs/cgroup/machine.slice/memory.max',
  'sys/fs/cgroup/memory/memory.limit_in_bytes',
  'sys/fs/cgroup/memory/machine.slice/memory.limit_in_bytes',
];

/** By the kernel's word: libvirt's node info adds up NUMA cells, and was seen to tell a quarter of what there is. */
export async function readKernelMemory(rootFolder = '/'): Promise<KernelMemory> {
  const [memInfo, ...limits] = await Promise.all([
    readFile(path.join(rootFolder, 'proc/meminfo'), 'utf8'),
    ...LIMIT_FILES.map((file) => readLimitMiB(path.join(rootFolder, file))),
  ]);
  const mib = (name: string): number | undefined => {
    const kib = new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(memInfo)?.[1];
    return kib === undefined ? undefined : Number(kib) / 1024;
  };
  const totalMiB = mib('MemTotal');
  if (totalMiB === undefined) throw new Error('the kernel does not tell how much memory it has');
  const availableMiB = mib('MemAvailable') ?? mib('MemFree') ?? 0;
  // A kernel without huge pages does not speak of them.
  const hugePagesMiB = mib('Hugetlb') ?? 0;
  return {
    memoryMiB: Math.floor(Math.min(totalMiB, ...limits)),
    hugePagesMiB: Math.ceil(hugePagesMiB),
    usedMiB: Math.max(0, Math.round(totalMiB - hugePagesMiB - availableMiB)),
  };
}

/** Infinite where there is no such group or no limit in it; `max` is no number. */
async function readLimitMiB(file: string): Promise<number> {
  try {
    const bytes = Number(await readFile(file, 'utf8'));
    return Number.isNaN(bytes) ? Infinity : bytes / MIB;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return Infinity;
    throw error;
  }
}
