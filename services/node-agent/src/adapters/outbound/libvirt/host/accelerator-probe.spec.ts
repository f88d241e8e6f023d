import { describe, expect, it } from '@jest/globals';
import { hasHardwareVirtualisation, probeAccelerator } from './accelerator-probe.adapter.js';

describe('probeAccelerator', () => {
  it('believes neither a CPU without the flag nor a flag that only looks alike', async () => {
    expect(hasHardwareVirtualisation('flags\t\t: fpu vme svm_lock\n')).toBe(false);
    expect(hasHardwareVirtualisation('flags\t\t: fpu svm lm\n')).toBe(true);
    expect(hasHardwareVirtualisation('flags\t\t: fpu vmx lm\n')).toBe(true);
    expect(await probeAccelerator({ cpuInfo: 'flags : fpu\n', emulator: '/nonexistent' })).toBe('tcg');
  });

  it('falls back to TCG where the emulator cannot run the guest', async () => {
    expect(await probeAccelerator({ cpuInfo: 'flags : vmx\n', emulator: '/nonexistent' })).toBe('tcg');
  });
});
