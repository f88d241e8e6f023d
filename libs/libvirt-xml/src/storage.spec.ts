import { describe, expect, it } from '@jest/globals';
import { isGpu, readHostCapabilities, readPciDevice } from './host-capabilities.codec.js';
import { readVolume, writeVolume } from './storage.codec.js';
import { child, readXml, text } from './xml.codec.js';

describe('volumes', () => {
  it('writes an overlay with its image behind it', () => {
    const backing = { path: '/images/a&b/disk.qcow2', format: 'qcow2' } as const;
    const xml = writeVolume({ name: 'v.qcow2', format: 'qcow2', capacityBytes: 1024, backing });
    expect(text(child(readXml(xml), 'volume'), 'backingStore', 'path')).toBe(backing.path);
    expect(text(child(readXml(xml), 'volume'), 'allocation')).toBe('0');
  });

  it('reads what libvirt says of one', () => {
    const xml = `<volume type='file'><name>v</name><capacity unit='bytes'>67108864</capacity>
      <target><path>/p/v</path><format type='qcow2'/></target><backingStore><path>/i/d</path></backingStore></volume>`;
    expect(readVolume(xml)).toEqual({ path: '/p/v', format: 'qcow2', capacityBytes: 67108864, backingPath: '/i/d' });
  });
});

describe('host capabilities', () => {
  it('reads cells with their memory and CPUs', () => {
    const xml = `<capabilities><host><cpu><arch>x86_64</arch><model>Haswell</model></cpu><topology><cells num='1'>
      <cell id='0'><memory unit='KiB'>2048</memory><cpus num='2'><cpu id='0'/><cpu id='1'/></cpus></cell>
      </cells></topology></host></capabilities>`;
    expect(readHostCapabilities(xml)).toEqual({
      architecture: 'x86_64',
      cpuModel: 'Haswell',
      machines: [],
      numa: [{ cell: 0, memoryMiB: 2, cpus: [0, 1] }],
    });
  });

  it('reads a PCI device and knows a GPU by its class', () => {
    const xml = `<device><name>pci_0000_65_00_0</name><capability type='pci'><class>0x030000</class><domain>0</domain>
      <bus>101</bus><slot>0</slot><function>0</function><product id='0x1eb8'>TU104GL</product>
      <vendor id='0x10de'>NVIDIA</vendor><iommuGroup number='12'/></capability></device>`;
    const device = readPciDevice(xml);
    expect(device).toEqual({
      address: '0000:65:00.0',
      vendorId: '10de',
      productId: '1eb8',
      class: '030000',
      description: 'NVIDIA TU104GL',
      iommuGroup: 12,
    });
    expect(device !== undefined && isGpu(device)).toBe(true);
  });

  it('gives nothing for a device of another kind', () => {
    expect(readPciDevice(`<device><capability type='net'/></device>`)).toBeUndefined();
  });
});
