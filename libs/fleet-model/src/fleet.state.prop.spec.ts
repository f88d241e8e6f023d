import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { StoredHostEvent, StoredVmEvent } from '@drover/contracts';
import { evolveAll } from '@drover/domain-kit';
import { emptyFleet, evolveFleet, type FleetState } from './fleet.state.js';
import { hostId, hostRegistered, vmDefined, vmDeleted, vmId, vmPlaced, vmRequested } from './testing/index.js';
import { NO_USAGE, usageWith, type Usage } from './usage.js';

const HOSTS = 3;
const event = fc
  .record({
    vm: fc.integer({ min: 1, max: 5 }),
    host: fc.integer({ min: 1, max: HOSTS }),
    cores: fc.integer({ min: 1, max: 8 }),
    sizeMiB: fc.integer({ min: 16, max: 4096 }),
    kind: fc.constantFrom('requested', 'placed', 'defined', 'deleted', 'registered'),
  })
  .map(({ vm, host, cores, sizeMiB, kind }): StoredVmEvent | StoredHostEvent => {
    switch (kind) {
      case 'requested':
        return vmRequested(vmId(vm), { cpu: { cores }, memory: { sizeMiB }, disks: [{ name: 'd', sizeMiB }] });
      case 'placed':
        return vmPlaced(vmId(vm), hostId(host));
      case 'defined':
        return vmDefined(vmId(vm), hostId(host));
      case 'deleted':
        return vmDeleted(vmId(vm));
      case 'registered':
        return hostRegistered(hostId(host));
    }
  });

/** A VM is requested once; its stream begins with it and ends with its deletion. */
function plausible(events: readonly (StoredVmEvent | StoredHostEvent)[]): (StoredVmEvent | StoredHostEvent)[] {
  const requested = new Set<string>();
  return events.filter((one) => {
    if (one.type !== 'VmRequested') return true;
    const isFirst = !requested.has(one.stream);
    requested.add(one.stream);
    return isFirst;
  });
}

/** The slow way: every VM looked at. */
function countedAnew(fleet: FleetState, host: number): Usage {
  return [...fleet.vms.values()].filter((vm) => vm.placement?.hostId === hostId(host)).reduce(usageWith, NO_USAGE);
}

describe('the usage of hosts', () => {
  it('kept event by event is what counting every VM anew gives', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const fleet = evolveAll({ initialState: emptyFleet, evolve: evolveFleet }, plausible(events));
        for (let host = 1; host <= HOSTS; host += 1) {
          const kept = fleet.hosts.get(hostId(host))?.usage ?? fleet.unregisteredUsage.get(hostId(host)) ?? NO_USAGE;
          expect(kept).toEqual(countedAnew(fleet, host));
        }
      }),
    );
  });
});
