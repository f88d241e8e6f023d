import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { dependenciesOf, inLoadOrder } from './kernel.mjs';

describe('kernel modules', () => {
  let folder;
  let modules;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'drover-modules-'));
    modules = new Map();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function add(name, ...dependencies) {
    const file = path.join(folder, `${name}.ko`);
    writeFileSync(file, `\x7fELF\0license=GPL\0depends=${dependencies.join(',')}\0name=${name}\0`);
    modules.set(name, file);
  }
  const names = (files) => files.map((file) => path.basename(file, '.ko'));

  it('come after what they depend on, each once', () => {
    add('virtio_ring');
    add('virtio', 'virtio_ring');
    add('virtio_blk', 'virtio', 'virtio_ring');
    add('virtio_net', 'virtio', 'net_failover');
    add('net_failover', 'failover');
    add('failover');
    expect(names(inLoadOrder(modules, ['virtio_blk', 'virtio_net']))).toEqual([
      ...['virtio_ring', 'virtio', 'virtio_blk', 'failover', 'net_failover', 'virtio_net'],
    ]);
  });

  it('are not loaded again in a later list', () => {
    add('virtio');
    add('virtio_blk', 'virtio');
    add('virtio_net', 'virtio');
    const loaded = new Set();
    inLoadOrder(modules, ['virtio_blk'], loaded);
    expect(names(inLoadOrder(modules, ['virtio_net'], loaded))).toEqual(['virtio_net']);
  });

  it('may be built into the kernel, and are then not looked for', () => {
    expect(inLoadOrder(modules, ['ext4'])).toEqual([]);
  });

  it('name what they depend on', () => {
    expect(dependenciesOf(Buffer.from('x\0depends=a,b\0y'))).toEqual(['a', 'b']);
    expect(dependenciesOf(Buffer.from('x\0depends=\0y'))).toEqual([]);
    expect(dependenciesOf(Buffer.from('x'))).toEqual([]);
  });
});
