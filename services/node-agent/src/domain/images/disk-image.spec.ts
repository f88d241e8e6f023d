import { describe, expect, it } from '@jest/globals';
import { inspectDisk } from './disk-image.policy.js';

interface Qcow2 {
  readonly version?: number;
  readonly backingOffset?: number;
  readonly clusterBits?: number;
  readonly size?: bigint;
  readonly crypt?: number;
  readonly l1Size?: number;
  readonly snapshots?: number;
  readonly features?: bigint;
  readonly headerLength?: number;
  readonly extensions?: readonly (readonly [type: number, length: number])[];
}

function qcow2(given: Qcow2 = {}): Uint8Array {
  const head = new Uint8Array(4096);
  const view = new DataView(head.buffer);
  view.setUint32(0, 0x514649fb);
  view.setUint32(4, given.version ?? 3);
  view.setBigUint64(8, BigInt(given.backingOffset ?? 0));
  view.setUint32(16, given.backingOffset === undefined ? 0 : 9);
  view.setUint32(20, given.clusterBits ?? 16);
  view.setBigUint64(24, given.size ?? 2n ** 30n);
  view.setUint32(32, given.crypt ?? 0);
  view.setUint32(36, given.l1Size ?? 1);
  view.setUint32(60, given.snapshots ?? 0);
  const isThird = (given.version ?? 3) === 3;
  if (isThird) view.setBigUint64(72, given.features ?? 0n);
  if (isThird) view.setUint32(100, given.headerLength ?? 112);
  let offset = isThird ? 112 : 72;
  for (const [type, length] of given.extensions ?? []) {
    view.setUint32(offset, type);
    view.setUint32(offset + 4, length);
    offset += 8 + Math.ceil(length / 8) * 8;
  }
  return head;
}

describe('the disk of an image', () => {
  it('has the size that the file says, whatever its length', () => {
    expect(inspectDisk('qcow2', qcow2(), 4096)).toEqual({ virtualSizeBytes: 2 ** 30 });
    expect(inspectDisk('qcow2', qcow2({ version: 2 }), 4096)).toEqual({ virtualSizeBytes: 2 ** 30 });
    expect(inspectDisk('raw', new Uint8Array(512), 1024)).toEqual({ virtualSizeBytes: 1024 });
  });

  it('may have what changes nothing of where its data is', () => {
    const feature = { features: 1n | 8n | 16n, extensions: [[0x6803f857, 100] as const], snapshots: 16 };
    expect(inspectDisk('qcow2', qcow2(feature), 4096)).toEqual({ virtualSizeBytes: 2 ** 30 });
  });

  it.each<[string, Qcow2, RegExp]>([
    ['a backing file', { backingOffset: 200 }, /backing file/],
    ['a backing format', { extensions: [[0xe2792aca, 3]] }, /backing file/],
    ['an external data file', { features: 4n }, /another file/],
    ['the name of a data file', { extensions: [[0x44415441, 9]] }, /another file/],
    [
      'the name of a data file behind others',
      {
        extensions: [
          [0x6803f857, 13],
          [0x44415441, 9],
        ],
      },
      /another file/,
    ],
    ['a mark of corruption', { features: 2n }, /corrupt/],
    ['features that are not known', { features: 1n << 40n }, /not known/],
    ['encryption', { crypt: 1 }, /encrypted/],
    ['200 snapshots', { snapshots: 200 }, /200 snapshots/],
    ['a huge first table', { l1Size: 2 ** 31 }, /first table/],
    ['clusters of no size', { clusterBits: 3 }, /clusters/],
    ['another version', { version: 4 }, /version 4/],
    ['a header that ends outside', { headerLength: 2 ** 31 }, /longer than/],
    ['an extension without an end', { extensions: [[0x12345678, 2 ** 31]] }, /longer than/],
    ['more extensions than can be', { extensions: Array.from({ length: 40 }, () => [7, 0] as const) }, /extensions/],
    ['no size', { size: 0n }, /empty/],
    ['a size beyond all disks', { size: 2n ** 60n }, /larger than/],
    ['a size beyond all numbers', { size: 2n ** 64n - 1n }, /larger than/],
  ])('is refused with %s', (_, given, why) => {
    expect(inspectDisk('qcow2', qcow2(given), 4096)).toMatch(why);
  });

  it('is what it is declared to be', () => {
    expect(inspectDisk('raw', qcow2(), 4096)).toBe('it is declared raw and is qcow2');
    expect(inspectDisk('raw', new TextEncoder().encode('KDMV....'), 1024)).toBe('it is declared raw and is VMDK');
    expect(inspectDisk('qcow2', new Uint8Array(4096), 4096)).toMatch(/does not begin/);
    expect(inspectDisk('raw', new Uint8Array(100), 100)).toMatch(/sectors/);
    expect(inspectDisk('raw', new Uint8Array(0), 0)).toMatch(/empty/);
  });

  it('is refused when it ends before its header does', () => {
    for (const length of [0, 3, 71, 80, 103]) {
      expect(typeof inspectDisk('qcow2', qcow2().subarray(0, length), length)).toBe('string');
    }
  });
});
