/**
 * What the libvirt of this machine makes of definitions that another version wrote, as after an upgrade.
 *
 * `DROVER_UPDATE=1` on a machine with a version that has no fixture writes one.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPrivateLibvirtd, type PrivateLibvirtd } from '@drover/testing';
import { readDomain } from '../src/index.js';

const folder = fileURLToPath(new URL('../fixtures/definitions/', import.meta.url));
const files = readdirSync(folder).map((name) => `${folder}${name}`);

describe('a definition that another version of libvirt wrote', () => {
  let libvirtd: PrivateLibvirtd;
  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
  }, 60_000);
  afterAll(() => libvirtd.stop(), 60_000);

  it.each(files)('has the same fingerprint once this libvirt has read it: %s', async (file) => {
    const { name, fingerprint } = readDomain(readFileSync(file, 'utf8'));
    await libvirtd.virsh('define', file);
    const xml = await libvirtd.virsh('dumpxml', '--inactive', name);
    await libvirtd.virsh('undefine', name);
    const version = /library: libvirt (?<version>[\d.]+)/.exec(await libvirtd.virsh('version'))?.groups?.['version'];
    const own = `${folder}libvirt-${version ?? ''}.xml`;
    if (process.env['DROVER_UPDATE'] === '1' && !existsSync(own)) writeFileSync(own, `${xml.trimEnd()}\n`);
    expect(readDomain(xml).fingerprint).toBe(fingerprint);
  });
});
