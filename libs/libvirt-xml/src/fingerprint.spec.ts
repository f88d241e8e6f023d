import { describe, expect, it } from '@jest/globals';
import { readDomain } from './domain-description.codec.js';

const domain = (devices: string) =>
  readDomain(`<domain type="qemu"><name>n</name><devices>${devices}</devices></domain>`);

describe('the fingerprint of a read domain', () => {
  it('is the same whatever the order in which libvirt lists devices', () => {
    const usb = '<controller type="usb" index="0"/>';
    const pci = '<controller type="pci" index="0"><address bus="1" slot="2"/></controller>';
    expect(domain(usb + pci).fingerprint).toBe(domain(pci + usb).fingerprint);
    expect(domain(usb + pci).fingerprint).not.toBe(domain(usb).fingerprint);
  });

  const withMetadata = (metadata: string) =>
    readDomain(`<domain type="qemu"><name>n</name>${metadata}<devices/></domain>`).fingerprint;
  const mark = (command: string) => `<drover:vm xmlns:drover="urn:drover:vm:1" command="${command}"/>`;

  it('is another with metadata of others, and the same whatever command our mark names', () => {
    const ours = withMetadata(`<metadata>${mark('a')}</metadata>`);
    expect(withMetadata(`<metadata>${mark('b')}</metadata>`)).toBe(ours);
    expect(withMetadata('')).toBe(ours);
    const foreign = withMetadata(`<metadata>${mark('a')}<x:note xmlns:x="urn:x">one</x:note></metadata>`);
    expect(foreign).not.toBe(ours);
    expect(withMetadata(`<metadata><x:note xmlns:x="urn:x">one</x:note>${mark('b')}</metadata>`)).toBe(foreign);
    expect(withMetadata(`<metadata><x:note xmlns:x="urn:x">two</x:note></metadata>`)).not.toBe(foreign);
  });
});
