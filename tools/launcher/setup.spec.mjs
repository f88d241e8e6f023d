import { describe, expect, it } from '@jest/globals';
import { chooseHypervisor } from './setup.mjs';

describe('the choice of hypervisor', () => {
  const lacks = ['root (libvirt, disks and networks of this machine)', 'Debian packages: qemu-utils'];

  it('is real VMs where nothing is missing', () => {
    expect(chooseHypervisor(undefined, [])).toBe('libvirt');
    expect(chooseHypervisor('libvirt', [])).toBe('libvirt');
  });

  it('is a simulated fleet where something is missing, or where it is wished', () => {
    expect(chooseHypervisor(undefined, lacks)).toBe('simulated');
    expect(chooseHypervisor('simulated', [])).toBe('simulated');
  });

  it('is refused with everything that is missing when real VMs were wished', () => {
    expect(() => chooseHypervisor('libvirt', lacks)).toThrow(/root[^]*qemu-utils/);
  });
});
