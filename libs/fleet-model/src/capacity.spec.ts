import { describe, expect, it } from '@jest/globals';
import { DEFAULT_OVERCOMMIT, vmSpecSchema } from '@drover/contracts';
import { capacityOf, foreignMemoryMiB, memoryBesideOursMiB, processMemoryMiB } from './capacity.js';
import { demandOf } from './demand.js';
import { anInventory, vmId } from './testing/index.js';

describe('capacity', () => {
  it('promises four vCPUs per logical CPU and no more memory than there is without what is reserved', () => {
    expect(capacityOf(anInventory(), DEFAULT_OVERCOMMIT)).toEqual({ vcpus: 32, memoryMiB: 15_360 });
  });

  it('rounds down, and gives nothing where more is reserved than there is', () => {
    const ratios = { cpuRatio: 1.3, memoryRatio: 0.5 };
    expect(capacityOf(anInventory({ memoryMiB: 1025 }), ratios)).toEqual({ vcpus: 10, memoryMiB: 0 });
    expect(capacityOf(anInventory({ memoryMiB: 512 }), ratios).memoryMiB).toBe(0);
  });

  it('counts what QEMU needs besides the memory of its guest', () => {
    expect([64, 4096, 65_536].map(processMemoryMiB)).toEqual([161, 4208, 65_888]);
  });

  it('counts as foreign what is neither ours nor within what is reserved', () => {
    const vms = [{ vmId: vmId(1), cpuMillicores: 0, memoryMiB: 2000 }];
    const foreign = (memoryUsedMiB: number, foreignMiB = 0) =>
      foreignMemoryMiB(
        { memoryBesideOursMiB: memoryBesideOursMiB({ memoryUsedMiB, vms }), foreignMemoryMiB: foreignMiB },
        anInventory(),
      );
    expect([foreign(5000), foreign(2500), foreign(1000)]).toEqual([1976, 0, 0]);
    // A foreign domain that has not touched its memory yet may do so at any time.
    expect([foreign(2500, 9000), foreign(5000, 9000), foreign(5000, 100)]).toEqual([9000, 9000, 1976]);
  });
});

describe('demandOf', () => {
  it('adds up disks per pool and names each network and image once', () => {
    const spec = vmSpecSchema.parse({
      cpu: { sockets: 2, cores: 3, threads: 2 },
      memory: { sizeMiB: 512 },
      disks: [
        { name: 'root', image: 'guest' },
        { name: 'data', sizeMiB: 100, pool: 'fast' },
        { name: 'more', sizeMiB: 50, pool: 'fast' },
      ],
      nics: [{ network: 'a' }, { network: 'b' }, { network: 'a' }],
    });
    expect(demandOf(spec)).toEqual({
      vcpus: 12,
      // The guest's memory, and what its QEMU needs.
      memoryMiB: 512 + 98,
      pools: { default: 0, fast: 150 },
      networks: ['a', 'b'],
      images: ['guest'],
      sizedByImage: [{ pool: 'default', image: 'guest' }],
      firmware: 'bios',
    });
  });
});
