import { describe, expect, it } from '@jest/globals';
import {
  clusterIdSchema,
  type HostInventory,
  type HostLoad,
  type StoredHostEvent,
  type StoredVmEvent,
} from '@drover/contracts';
import {
  hostCordoned,
  hostId,
  hostInCluster,
  hostLabelled,
  hostRegistered,
  hostSuspected,
  hostZoned,
  hypervisorLost,
  hypervisorReturned,
  vmDefined,
  vmId,
  vmPlaced,
  vmRequested,
} from '@drover/fleet-model/testing';
import { aLoad, givenFleet, placeVm } from '../../../testing/index.js';
import { candidateOf } from '../candidate.state.js';
import { evolve } from '../placement.state.js';
import { filterChain, refusingFilter } from './filter-chain.policy.js';

interface Given {
  readonly inventory?: Partial<HostInventory>;
  readonly events?: readonly (StoredVmEvent | StoredHostEvent)[];
  readonly load?: Partial<HostLoad>;
}

/** The filter that refuses host 1, and what it says; `fits` where none does. */
function verdict(command: ReturnType<typeof placeVm>, { inventory = {}, events = [], load }: Given = {}) {
  const fleet = givenFleet([hostRegistered(hostId(1), inventory), ...events]);
  const state = load === undefined ? fleet : evolve(fleet, { type: 'HostLoadSeen', load: aLoad(1, load) });
  const host = state.fleet.hosts.get(hostId(1));
  if (host === undefined) throw new Error('host 1 is not there');
  const candidate = candidateOf(state, host, 0);
  const filter = filterChain[refusingFilter(candidate, command) ?? -1];
  return filter === undefined ? 'fits' : { filter: filter.name, ...filter.explain(candidate, command) };
}

const pool = (availableMiB: number) => [{ name: 'default', type: 'dir', capacityMiB: 1000, availableMiB }];
const offers: HostInventory['offers'] = {
  cpuModels: ['EPYC', 'host-model'],
  machines: [
    { type: 'pc-q35-9.0', maxVcpus: 288 },
    { type: 'pc-i440fx-9.0', maxVcpus: 255 },
  ],
  newMachine: 'pc-q35-9.0',
  firmware: ['bios', 'uefi'],
  tpmVersions: ['1.2'],
};
const large = { count: 1024, model: 'EPYC', flags: [], sockets: 2, coresPerSocket: 256, threadsPerCore: 2, mhz: 0 };
const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const guest = { name: 'guest', format: 'qcow2', virtualSizeMiB: 64 } as const;
const meant = `guest@${digest('a')}`;
const onHost = (sizeMiB: number, memoryMiB = 16) => [
  vmRequested(vmId(9), { memory: { sizeMiB: memoryMiB }, disks: [{ name: 'd', sizeMiB }] }),
  vmPlaced(vmId(9), hostId(1)),
];

describe('the filters', () => {
  it('admit a host that has all that is asked for', () => {
    const wish = placeVm(
      1,
      { vcpus: 8, memoryMiB: 15_360, pools: { default: 50_000 }, networks: ['default'], images: ['guest'] },
      { hostId: hostId(1), zone: 'a', hostLabels: { disk: 'nvme' } },
    );
    const events = [hostZoned(hostId(1), 'a'), hostLabelled(hostId(1), { disk: 'nvme', rack: '7' })];
    expect(verdict(wish, { events })).toBe('fits');
    // A new journal or another agent of the host changes nothing of it.
    expect(verdict(wish, { events: [...events, hostRegistered(hostId(1))] })).toBe('fits');
  });

  it.each<[string, ReturnType<typeof placeVm>, Given, string]>([
    ['named-host', placeVm(1, {}, { hostId: hostId(2) }), {}, `the VM asks for host ${hostId(2)}`],
    ['alive', placeVm(1), { events: [hostSuspected(hostId(1))] }, 'the host does not answer and is suspected'],
    ['cordon', placeVm(1), { events: [hostCordoned(hostId(1))] }, 'the host is cordoned'],
    ['cordon', placeVm(1, {}, { hostId: hostId(1) }), { events: [hostCordoned(hostId(1))] }, 'the host is cordoned'],
    [
      'cluster',
      placeVm(1, {}, { cluster: clusterIdSchema.parse('gold') }),
      {},
      'the VM asks for cluster gold, the host is in default',
    ],
    ['hypervisor', placeVm(1), { events: [hypervisorLost(hostId(1))] }, 'the hypervisor of the host cannot be heard'],
    ['zone', placeVm(1, {}, { zone: 'a' }), {}, 'the VM asks for zone a, the host is in none'],
    [
      'labels',
      placeVm(1, {}, { hostLabels: { disk: 'nvme', rack: '7' } }),
      { events: [hostLabelled(hostId(1), { disk: 'hdd', rack: '7' })] },
      'the host lacks disk=nvme',
    ],
    ['network', placeVm(1, { networks: ['default', 'blue'] }), {}, 'the host has no network blue'],
    ['image', placeVm(1, { images: ['guest', 'debian'] }), {}, 'the host has no image debian'],
    ['image', placeVm(1, { images: [meant] }), {}, 'the host has not read its file of image guest yet'],
    [
      'image',
      placeVm(1, { images: [meant] }),
      { inventory: { images: [{ ...guest, digest: digest('b') }] } },
      `the host has another file as image guest: ${digest('b')}`,
    ],
    ['pool', placeVm(1, { pools: { fast: 0 } }), {}, 'the host has no pool fast'],
    [
      'pool',
      placeVm(1, { pools: { default: 0 } }),
      { inventory: { pools: pool(0).map((one) => ({ ...one, problem: 'its folder is away' })) } },
      'pool default cannot be used: its folder is away',
    ],
    [
      'cpu-model',
      placeVm(1, { cpuModel: 'EPYC-Milan' }),
      { inventory: { offers, accelerator: 'kvm' } },
      'the host cannot give CPU model EPYC-Milan in full with kvm',
    ],
    [
      'firmware',
      placeVm(1, { firmware: 'uefi-secure' }),
      { inventory: { offers } },
      'the VM asks for firmware uefi-secure, the host offers bios, uefi',
    ],
    [
      'firmware',
      placeVm(1, { tpmVersion: '2.0' }),
      { inventory: { offers } },
      'the VM asks for a TPM 2.0, the host offers 1.2',
    ],
    [
      'machine',
      placeVm(1, { vcpus: 289 }),
      { inventory: { offers, cpu: large } },
      'needs 289 vCPUs, a VM of machine type pc-q35-9.0 has at most 288',
    ],
    ['cpu', placeVm(1, { vcpus: 9 }), {}, 'needs 9 vCPUs in one VM, the host has 8 logical CPUs'],
    ['memory', placeVm(1, { memoryMiB: 15_361 }), {}, 'needs 15361 MiB, 15360 of 15360 MiB are free'],
  ])('refuse by %s', (filter, wish, given, detail) => {
    expect(verdict(wish, given)).toMatchObject({ filter, detail });
  });

  it('ask a host that could not say what it offers for anything: it has the last word', () => {
    const wish = placeVm(1, { cpuModel: 'EPYC-Milan', firmware: 'uefi-secure', tpmVersion: '2.0' });
    expect(verdict(wish)).toBe('fits');
    expect(verdict(placeVm(1, { cpuModel: 'EPYC', firmware: 'uefi', vcpus: 8 }), { inventory: { offers } })).toBe(
      'fits',
    );
  });

  it('take a host again whose hypervisor is back, and one that was moved to the cluster asked for', () => {
    const moved = hostInCluster(hostId(1), 'gold');
    const events = [hypervisorLost(hostId(1)), hypervisorReturned(hostId(1)), moved];
    expect(verdict(placeVm(1, {}, { cluster: clusterIdSchema.parse('gold') }), { events })).toBe('fits');
  });

  it('count memory that is set aside as huge pages as not there', () => {
    const inventory = { hugePagesMiB: 8192 };
    expect(verdict(placeVm(1, { memoryMiB: 7168 }), { inventory })).toBe('fits');
    expect(verdict(placeVm(1, { memoryMiB: 7169 }), { inventory })).toMatchObject({ filter: 'memory' });
  });

  it('give four vCPUs per logical CPU to all VMs together', () => {
    const events = [1, 2, 3, 4].flatMap((n) => [
      vmRequested(vmId(n), { cpu: { cores: n === 4 ? 7 : 8 }, memory: { sizeMiB: 16 } }),
      vmPlaced(vmId(n), hostId(1)),
    ]);
    expect(verdict(placeVm(9, { vcpus: 1 }), { events })).toBe('fits');
    expect(verdict(placeVm(9, { vcpus: 2 }), { events })).toMatchObject({
      filter: 'cpu',
      detail: 'needs 2 vCPUs, 1 of 32 are free',
      numbers: { neededVcpus: 2, freeVcpus: 1, placedVcpus: 31 },
    });
  });

  it('count memory of foreign domains', () => {
    const load = { memoryUsedMiB: 5024, vms: [{ vmId: vmId(9), cpuMillicores: 0, memoryMiB: 1000 }] };
    expect(verdict(placeVm(1, { memoryMiB: 12_360 }), { load })).toBe('fits');
    expect(verdict(placeVm(1, { memoryMiB: 12_361 }), { load })).toMatchObject({
      filter: 'memory',
      numbers: { foreignMiB: 3000, freeMiB: 12_360 },
    });
  });

  it('count what foreign domains may take, not only what they use', () => {
    const load = { memoryUsedMiB: 0, foreignMemoryMiB: 9_500 };
    expect(verdict(placeVm(1, { memoryMiB: 5_861 }), { load })).toMatchObject({
      filter: 'memory',
      numbers: { foreignMiB: 9_500, freeMiB: 5_860 },
    });
  });

  it('hold back pool space for volumes that are not made yet, and believe the host about those that are', () => {
    const wish = placeVm(1, { pools: { default: 300 } });
    const inventory = { pools: pool(500) };
    expect(verdict(wish, { inventory, events: onHost(200) })).toBe('fits');
    expect(verdict(wish, { inventory, events: onHost(201) })).toMatchObject({
      filter: 'pool-space',
      detail: 'pool default needs 300 MiB, 299 MiB are free',
      numbers: { neededMiB: 300, freeMiB: 299, capacityMiB: 1000 },
    });
    expect(verdict(wish, { inventory, events: [...onHost(201), vmDefined(vmId(9), hostId(1))] })).toBe('fits');
  });

  it('believe the newest load about how full a pool is', () => {
    const load = { pools: [{ name: 'default', capacityMiB: 1000, availableMiB: 10 }] };
    expect(verdict(placeVm(1, { pools: { default: 11 } }), { load })).toMatchObject({ filter: 'pool-space' });
    expect(verdict(placeVm(1, { pools: { default: 10 } }), { load })).toBe('fits');
  });

  it('count a disk that has no size of its own by that of the image on the host', () => {
    const sizedByImage = [{ pool: 'default', image: meant }];
    const wish = placeVm(1, { pools: { default: 100 }, images: [meant], sizedByImage });
    const images = [{ ...guest, digest: digest('a') }];
    expect(verdict(wish, { inventory: { images, pools: pool(164) } })).toBe('fits');
    expect(verdict(wish, { inventory: { images, pools: pool(163) } })).toMatchObject({
      filter: 'pool-space',
      detail: 'pool default needs 164 MiB, 163 MiB are free',
    });
  });

  it('do not ask for space where a pool only has to be there', () => {
    const wish = placeVm(1, { pools: { default: 0 } });
    expect(verdict(wish, { inventory: { pools: pool(0) }, events: onHost(100) })).toBe('fits');
  });

  it('name the pool that lacks most', () => {
    const inventory = { pools: [...pool(90), { name: 'fast', type: 'dir', capacityMiB: 10, availableMiB: 10 }] };
    expect(verdict(placeVm(1, { pools: { default: 100, fast: 100 } }), { inventory })).toMatchObject({
      detail: 'pool fast needs 100 MiB, 10 MiB are free',
    });
  });
});
