import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LibvirtClient } from '@drover/libvirt-rpc';
import { hypervisorContract } from '@drover/hypervisor/testing';
import { startPrivateLibvirtd } from '@drover/testing';
import { domainName } from '@drover/libvirt-xml';
import type { VmId } from '@drover/contracts';
import { writeFile } from 'node:fs/promises';
import { LibvirtHypervisor } from '../src/adapters/outbound/libvirt/libvirt-hypervisor.driver.js';

/** No guest operating system is needed here: firmware without a disk to boot from runs, pauses and resets as well. */
hypervisorContract(
  'libvirt and QEMU',
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'drover-driver-'));
    const poolFolder = path.join(folder, 'volumes');
    await mkdir(poolFolder);
    const libvirtd = await startPrivateLibvirtd();
    return {
      connect: () =>
        new LibvirtHypervisor({
          client: new LibvirtClient({ socketPath: libvirtd.socketPath }),
          accelerator: 'tcg',
          imageFolder: path.join(folder, 'images'),
          pools: [{ name: 'default', path: poolFolder }],
        }),
      spec: { memory: { sizeMiB: 32 }, disks: [{ name: 'root', sizeMiB: 1 }] },
      guestObeys: false,
      outside: {
        start: async (vmId: VmId) => {
          await libvirtd.virsh('start', domainName(vmId));
        },
        destroy: async (vmId: VmId) => {
          await libvirtd.virsh('destroy', domainName(vmId));
        },
        addForeignDomain: async (uuid: string) => {
          const file = path.join(folder, 'foreign.xml');
          await writeFile(
            file,
            `<domain type='qemu'><name>foreign-${uuid}</name><uuid>${uuid}</uuid><memory unit='MiB'>32</memory>
              <os><type>hvm</type></os></domain>`,
          );
          await libvirtd.virsh('define', file);
        },
        removeForeignDomain: async (uuid: string) => {
          await libvirtd.virsh('undefine', uuid);
        },
      },
      remove: async () => {
        await libvirtd.stop();
        await rm(folder, { recursive: true });
      },
    };
  },
  { testTimeoutMs: 60_000 },
);
