import { describe, expect, it } from '@jest/globals';
import {
  orderIdSchema,
  fleetIdSchema,
  vmIdSchema,
  vmSpecSchema,
  type SettledDefinition,
  type VmSpecInput,
} from '@drover/contracts';
import fc from 'fast-check';
import { writeDomain, type DomainInput } from './domain-definition.codec.js';
import { readDomain, settledDefinition } from './domain-description.codec.js';
import { derivedMac, diskSerial, volumeName } from './domain-names.js';
import { child, children, readXml, text, attribute } from './xml.codec.js';

const vmId = vmIdSchema.parse('0199c4e2-0000-7000-8000-000000000001');
const mark = {
  fleetId: fleetIdSchema.parse('0199c4e2-0000-7000-8000-00000000000f'),
  vmId,
  generation: { epoch: 1, n: 3 },
  lastOrderId: orderIdSchema.parse('0199c4e2-0000-8000-8000-0000000000cc'),
};

function input(spec: VmSpecInput, rest: Partial<DomainInput> = {}): DomainInput {
  const full = vmSpecSchema.parse(spec);
  return {
    vmId,
    name: 'web-1',
    spec: full,
    mark,
    accelerator: 'tcg',
    hasPanicDevice: false,
    disks: full.disks.map(({ name, format }) => ({ name, format, path: `/pool/${volumeName(vmId, name, format)}` })),
    ...rest,
  };
}

const devicesOf = (xml: string) => child(readXml(xml), 'domain', 'devices');

describe('writeDomain', () => {
  it('names the domain after the id, titles it after the VM and carries the mark', () => {
    const read = readDomain(writeDomain(input({})));
    expect(read).toMatchObject({ uuid: vmId, name: `drover-${vmId}`, title: 'web-1', mark, vcpus: 1, memoryMiB: 128 });
  });

  it('has the device by which a guest says that it panicked, where there is one', () => {
    expect(child(devicesOf(writeDomain(input({}, { hasPanicDevice: true }))), 'panic')).toEqual({ '@model': 'isa' });
    expect(child(devicesOf(writeDomain(input({}))), 'panic')).toBeUndefined();
  });

  it('gives qemu64 under TCG and the host model under KVM, unless a model is asked for', () => {
    expect(readDomain(writeDomain(input({}))).cpuModel).toBe('qemu64');
    expect(readDomain(writeDomain(input({}, { accelerator: 'kvm' }))).cpuModel).toBe('host-model');
    expect(readDomain(writeDomain(input({ cpu: { model: 'Haswell' } }))).cpuModel).toBe('Haswell');
  });

  it('lets libvirt refuse a start without a feature of the model, and asks nothing where the guest gets what the host has', () => {
    const checkOf = (model?: string) =>
      attribute(child(readXml(writeDomain(input({ cpu: { model } }))), 'domain', 'cpu'), 'check');
    expect([checkOf(), checkOf('Haswell'), checkOf('host-model')]).toEqual(['partial', 'partial', 'partial']);
    expect(checkOf('host-passthrough')).toBe('none');
  });

  it('gives every vCPU a place in the topology', () => {
    const xml = writeDomain(input({ cpu: { sockets: 2, cores: 3, threads: 2 } }));
    expect(readDomain(xml).vcpus).toBe(12);
    expect(child(readXml(xml), 'domain', 'cpu', 'topology')).toMatchObject({ '@sockets': '2', '@cores': '3' });
  });

  it('counts targets per bus and keeps going after the twenty-sixth', () => {
    const disks = Array.from({ length: 28 }, (_, index) => ({ name: `d${index}`, sizeMiB: 1 }));
    const targets = readDomain(writeDomain(input({ disks }))).disks.map((disk) => disk.target);
    expect(targets.slice(0, 2)).toEqual(['vda', 'vdb']);
    expect(targets.slice(25)).toEqual(['vdz', 'vdaa', 'vdab']);
    const mixed = writeDomain(
      input({
        disks: [
          { name: 'a', sizeMiB: 1 },
          { name: 'b', sizeMiB: 1, bus: 'scsi' },
        ],
      }),
    );
    expect(readDomain(mixed).disks.map((disk) => disk.target)).toEqual(['vda', 'sda']);
  });

  it('writes limits in the units of libvirt', () => {
    const xml = writeDomain(
      input({
        disks: [{ name: 'root', sizeMiB: 1, ioLimits: { readKiBps: 2, writeIops: 7 } }],
        nics: [{ network: 'default', rate: { inboundKiBps: 100 } }],
      }),
    );
    expect(child(devicesOf(xml), 'disk', 'iotune')).toEqual({ read_bytes_sec: '2048', write_iops_sec: '7' });
    // 100 KiB are 102.4 of libvirt's kilobytes.
    expect(attribute(child(devicesOf(xml), 'interface', 'bandwidth', 'inbound'), 'average')).toBe('102');
  });

  it('puts every SCSI disk on the one controller that guests have a driver for', () => {
    const disks = Array.from({ length: 32 }, (_, index) => ({
      name: `d${index}`,
      sizeMiB: 1,
      bus: index % 4 === 0 ? ('sata' as const) : ('scsi' as const),
    }));
    const devices = devicesOf(writeDomain(input({ disks })));
    expect(children(devices, 'controller')).toEqual([{ '@type': 'scsi', '@index': '0', '@model': 'virtio-scsi' }]);
    const addresses = children(devices, 'disk').flatMap((disk) => children(disk, 'address'));
    expect(addresses.map((address) => attribute(address, 'unit'))).toEqual(
      Array.from({ length: 24 }, (_, index) => String(index)),
    );
    expect(new Set(addresses.map((address) => attribute(address, 'controller')))).toEqual(new Set(['0']));
  });

  it('derives a MAC that stays the same, and honours one that is given', () => {
    const xml = writeDomain(input({ nics: [{ network: 'default' }, { network: 'lan', mac: '52:54:00:aa:bb:cc' }] }));
    expect(readDomain(xml).nics.map((nic) => nic.mac)).toEqual([derivedMac(vmId, 0), '52:54:00:aa:bb:cc']);
  });

  it('keeps machine type, MACs, PCI addresses and the buses they are on that were settled before', () => {
    const settled: SettledDefinition = {
      machineType: 'pc-q35-7.2',
      cpuModel: 'qemu64',
      accelerator: 'tcg',
      nics: [{ mac: '52:54:00:00:00:01', pciAddress: '0000:01:00.0' }],
      disks: [
        {
          name: 'root',
          serial: diskSerial(vmId, 'root'),
          target: 'vdq',
          pool: 'default',
          volume: 'v',
          pciAddress: '0000:0a:00.0',
        },
      ],
      pciControllers: [
        { index: 1, model: 'pcie-root-port', pciAddress: '0000:00:01.0' },
        { index: 2, model: 'pcie-to-pci-bridge', pciAddress: '0000:01:00.0' },
      ],
      fingerprint: 'f'.repeat(64),
    };
    const read = readDomain(
      writeDomain(input({ disks: [{ name: 'root', sizeMiB: 1 }], nics: [{ network: 'default' }] }, { settled })),
    );
    expect(read.machineType).toBe('pc-q35-7.2');
    expect(settledDefinition(read, settled.disks).nics).toEqual(settled.nics);
    const { disks, pciControllers } = settledDefinition(read, settled.disks);
    expect({ disks, pciControllers }).toEqual({ disks: settled.disks, pciControllers: settled.pciControllers });
  });

  it('boots an image with its own kernel directly', () => {
    const directKernel = { kernel: '/i/kernel', initramfs: '/i/initramfs', commandLine: 'console=ttyS0 a="b"' };
    const os = child(readXml(writeDomain(input({}, { directKernel }))), 'domain', 'os');
    expect([text(os, 'kernel'), text(os, 'initrd')]).toEqual([directKernel.kernel, directKernel.initramfs]);
    expect(text(os, 'cmdline')).toBe(directKernel.commandLine);
    expect(child(os, 'boot')).toBeUndefined();
  });

  it('always has the guest agent channel', () => {
    const channel = child(devicesOf(writeDomain(input({ console: { serial: false } }))), 'channel', 'target');
    expect(attribute(channel, 'name')).toBe('org.qemu.guest_agent.0');
  });

  it('carries any description unchanged and lets none become an element', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (description) => {
        const spec = vmSpecSchema.safeParse({ metadata: { description } });
        fc.pre(spec.success && description.trim() === description && description !== '');
        const domain = child(readXml(writeDomain(input({ metadata: { description } }))), 'domain');
        expect(text(domain, 'description')).toBe(description);
        expect(children(domain, 'description')).toHaveLength(1);
      }),
    );
  });

  it('refuses a disk that has no place on the host', () => {
    expect(() => writeDomain(input({ disks: [{ name: 'root', sizeMiB: 1 }] }, { disks: [] }))).toThrow('disk root');
  });
});

describe('the fingerprint', () => {
  const base = input({ disks: [{ name: 'root', sizeMiB: 1 }] });
  const fingerprint = (changed: Partial<DomainInput>) => readDomain(writeDomain({ ...base, ...changed })).fingerprint;

  it('does not change with the mark', () => {
    expect(fingerprint({ mark: { ...mark, generation: { epoch: 2, n: 9 } } })).toBe(fingerprint({}));
  });

  it('changes with the definition', () => {
    const spec = { ...base.spec, memory: { sizeMiB: 256 } };
    expect(fingerprint({ spec })).not.toBe(fingerprint({}));
  });
});

describe('readDomain', () => {
  it('takes a mark that Drover did not write as none', () => {
    const xml = writeDomain(input({})).replace(mark.fleetId, 'not-an-id');
    expect(readDomain(xml).mark).toBeUndefined();
  });

  it('reads a domain of others, with the units libvirt may write', () => {
    const read = readDomain(
      '<domain type="qemu"><name>other</name><uuid>u</uuid><memory unit="GiB">2</memory><vcpu>4</vcpu></domain>',
    );
    expect(read).toMatchObject({ name: 'other', title: 'other', memoryMiB: 2048, vcpus: 4, disks: [], nics: [] });
    expect(read.mark).toBeUndefined();
  });

  it('reads ports and bridges in the order of their buses, without the root', () => {
    const pci = (index: number, model: string, address = '') =>
      `<controller type="pci" index="${index}" model="${model}">${address}</controller>`;
    const address = '<address type="pci" domain="0x0000" bus="0x00" slot="0x1e" function="0x1"/>';
    const listed = pci(2, 'pcie-to-pci-bridge') + pci(0, 'pcie-root') + pci(1, 'pcie-root-port', address);
    const read = readDomain(
      `<domain><name>x</name><devices><controller type="usb" index="3"/>${listed}</devices></domain>`,
    );
    expect(read.pciControllers).toEqual([
      { index: 1, model: 'pcie-root-port', pciAddress: '0000:00:1e.1' },
      { index: 2, model: 'pcie-to-pci-bridge' },
    ]);
  });

  it('refuses a document type, which could declare entities', () => {
    const xml = '<!DOCTYPE d [<!ENTITY x "boom">]><domain><name>&x;</name></domain>';
    expect(() => readDomain(xml)).toThrow('document type');
  });
});
