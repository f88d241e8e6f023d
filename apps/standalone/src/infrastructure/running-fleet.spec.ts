import { describe, expect, it } from '@jest/globals';
import { describeFleet, differenceFrom, type RunningFleet } from './running-fleet.js';

const simulated: RunningFleet = { hypervisor: 'simulated', hosts: 2, split: false };
const real: RunningFleet = { hypervisor: 'libvirt', hosts: 1, split: true };

describe('a wish for a fleet that runs already', () => {
  it.each<Partial<RunningFleet>>([{}, { hosts: 2 }, { hypervisor: 'simulated', hosts: 2, split: false }])(
    'is what runs: %j',
    (wished) => {
      expect(differenceFrom(simulated, wished)).toBeUndefined();
    },
  );

  it.each<Partial<RunningFleet>>([{ hosts: 3 }, { hypervisor: 'libvirt' }, { hosts: 2, split: true }])(
    'is not what runs: %j',
    (wished) => {
      expect(differenceFrom(simulated, wished)).toBe(
        'it runs already, as simulated, 2 hosts, the control plane in one process; to change that, run ./drover down first',
      );
    },
  );

  it('is not what runs where real VMs run', () => {
    expect(differenceFrom(real, { hypervisor: 'simulated', hosts: 1 })).toContain(describeFleet(real));
  });
});
