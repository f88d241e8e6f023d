import { describe, expect, it } from '@jest/globals';
import { canVirtualise, findLibvirtSocket } from './libvirtd.runner.js';

describe('canVirtualise', () => {
  it('believes only the flag of the processor itself', () => {
    expect(canVirtualise('model name\t: svm\nflags\t\t: fpu vme vmx sse\n')).toBe(true);
    expect(canVirtualise('flags\t\t: fpu svm')).toBe(true);
    expect(canVirtualise('model name\t: a vmx machine\nflags\t\t: fpu svm_lock sse\nvmx flags\t: x\n')).toBe(false);
  });
});

describe('findLibvirtSocket', () => {
  it('takes no socket without a daemon behind it', async () => {
    expect(await findLibvirtSocket(['/nonexistent/virtqemud-sock'])).toBeUndefined();
  });
});
