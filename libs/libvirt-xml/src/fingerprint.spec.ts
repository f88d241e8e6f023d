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
});
