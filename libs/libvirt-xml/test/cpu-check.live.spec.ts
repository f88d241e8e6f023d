/** What libvirt and QEMU make of the CPU that a definition asks for, without KVM. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fleetIdSchema, orderIdSchema, vmIdSchema, vmSpecSchema } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { startPrivateLibvirtd, type PrivateLibvirtd } from '@drover/testing';
import { domainName, writeDomain } from '../src/index.js';

const vmId = vmIdSchema.parse(derivedId('cpu', 'vm'));

function definitionOf(model: string): string {
  const mark = {
    fleetId: fleetIdSchema.parse(derivedId('cpu', 'fleet')),
    vmId,
    generation: { epoch: 1, n: 1 },
    lastOrderId: orderIdSchema.parse(derivedId('cpu', 'order')),
  };
  const spec = vmSpecSchema.parse({ cpu: { model }, memory: { sizeMiB: 32 }, disks: [], nics: [] });
  return writeDomain({ vmId, name: 'cpu', spec, mark, accelerator: 'tcg', disks: [], hasPanicDevice: false });
}

describe('a VM that asks for a CPU model', () => {
  let libvirtd: PrivateLibvirtd;
  let folder: string;
  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
    folder = await mkdtemp(path.join(tmpdir(), 'drover-cpu-'));
  }, 60_000);
  afterAll(async () => {
    await libvirtd.stop();
    await rm(folder, { recursive: true });
  }, 60_000);

  async function start(model: string): Promise<void> {
    const file = path.join(folder, 'domain.xml');
    await writeFile(file, definitionOf(model));
    await libvirtd.virsh('create', file);
  }

  it('does not start on a host that lacks a feature of it', async () => {
    await expect(start('EPYC-Milan')).rejects.toThrow('Host CPU does not provide required features');
    expect(await libvirtd.virsh('list', '--all', '--name')).toBe('');
  });

  it('starts where QEMU adds a feature to it', async () => {
    await start('Nehalem');
    expect(await libvirtd.virsh('dumpxml', domainName(vmId))).toContain(
      "<feature policy='require' name='hypervisor'/>",
    );
    await libvirtd.virsh('destroy', domainName(vmId));
  });
});
