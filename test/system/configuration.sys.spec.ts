import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExplainAnswer, HostResource, OperationResource } from '@drover/contracts';
import { domainsOf, Fleet, volumesOf, type FleetApi } from '@drover/testing';

const typesOf = async (api: FleetApi, vmId: string) => (await api.history(vmId)).map(({ type }) => type);
const end = async (api: FleetApi, target: string, body: unknown): Promise<OperationResource> =>
  api.ended(await api.begin('POST', target, body));
const withMemory = (sizeMiB: number) => ({ memory: { sizeMiB } });

describe('an overcommit and faults, by configuration on one simulated host', () => {
  let fleet: Fleet;
  let api: FleetApi;

  beforeAll(async () => {
    fleet = await Fleet.start({
      hypervisor: 'simulated',
      environment: {
        DROVER_OVERCOMMIT_MEMORY_RATIO: '1.5',
        DROVER_SIMULATED_MEMORY_MIB: '1024',
        DROVER_NODE_AGENT_RESERVED_MEMORY_MIB: '24',
        DROVER_SIMULATED_FAULTS: `[
          { call: define, code: INVALID_DEFINITION, times: 1, host: sim-001 },
          { call: pause, code: VM_UNRESPONSIVE, times: 1 },
          { call: reset, code: HYPERVISOR_UNAVAILABLE, takesEffect: true, times: 1 },
        ]`,
      },
    });
    api = fleet.api;
  }, 120_000);
  afterAll(() => fleet?.stop());

  it('ends operations by the configured faults, as the table of faults says, each as often as it was told', async () => {
    const failed = await end(api, '/vms', { name: 'faulty' });
    expect(failed).toMatchObject({ state: 'FAILED', error: { code: 'INVALID_DEFINITION', step: 'define' } });
    expect((await typesOf(api, failed.subject.id)).slice(-3)).toEqual(['VmPlaced', 'OperationFailed', 'VmDeleted']);
    expect((await api.send('GET', '/vms/faulty')).status).toBe(404);
    expect([...domainsOf(fleet.home), ...volumesOf(fleet.home, String(fleet.hosts[0]?.id))]).toEqual([]);

    await api.succeed('POST', '/vms', { name: 'faulty' });
    expect(await end(api, '/vms/faulty/pause', {})).toMatchObject({
      state: 'FAILED',
      error: { code: 'VM_UNRESPONSIVE' },
    });
    expect((await typesOf(api, 'faulty')).slice(-3)).toEqual(['VmPauseRequested', 'OperationBegan', 'OperationFailed']);
    expect((await api.vm('faulty')).observed?.powerState).toBe('RUNNING');
    await api.succeed('POST', '/vms/faulty/pause', {});
    await api.succeed('POST', '/vms/faulty/resume', {});

    expect(await end(api, '/vms/faulty/reset', {})).toMatchObject({
      state: 'FAILED',
      error: { code: 'HYPERVISOR_UNAVAILABLE', detail: expect.stringContaining('it may have happened all the same') },
    });
    expect(domainsOf(fleet.home)).toMatchObject([{ powerState: 'RUNNING', boots: 2 }]);
    await api.succeed('DELETE', '/vms/faulty');
  });

  it('runs one and a half times the memory that there is without the reserve, QEMU counted, and not one MiB more', async () => {
    for (const name of ['a', 'b']) await api.succeed('POST', '/vms', { name, spec: withMemory(400) });
    const tooMuch = await end(api, '/vms', { name: 'd', spec: withMemory(407) });
    expect(tooMuch).toMatchObject({ state: 'FAILED', error: { code: 'NO_HOST_FITS' } });
    expect(tooMuch.error?.data?.['nearest']).toMatchObject([
      {
        hostName: 'sim-001',
        filter: 'memory',
        detail: 'needs 505 MiB, 504 of 1500 MiB are free',
        numbers: { neededMiB: 505, freeMiB: 504, capacityMiB: 1500, placedMiB: 996 },
      },
    ]);
    await api.succeed('POST', '/vms', { name: 'd', spec: withMemory(406) });
    const running = domainsOf(fleet.home).filter(({ powerState }) => powerState === 'RUNNING');
    expect(running.reduce((sum, { memoryMiB }) => sum + memoryMiB, 0)).toBe(1206);
    const explained = await api.expectDone<ExplainAnswer>('GET', '/vms/d/placement');
    expect(explained.candidates).toMatchObject([{ kind: 'refused', filter: 'memory', numbers: { capacityMiB: 1500 } }]);
  });
});

describe('zone, labels and cluster of hosts, as an operator gives them', () => {
  let folder: string;
  let fleet: Fleet;
  let api: FleetApi;

  const places = [
    ['sim-001', { zone: 'east', cluster: 'default', labels: { rack: 'r7', disk: 'nvme' } }],
    ['sim-002', { zone: 'west', cluster: 'gold', labels: { rack: 'r7', disk: 'nvme' } }],
    ['sim-003', { zone: 'west', cluster: 'default', labels: { rack: 'r7', disk: 'hdd' } }],
  ] as const;
  const hostsByName = async () => {
    const { items } = await api.expectDone<{ items: readonly HostResource[] }>('GET', '/hosts');
    return new Map(items.map((host) => [host.name, host]));
  };
  const start = () => Fleet.start({ hypervisor: 'simulated', hosts: 3, homeFolder: folder });

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-places-'));
    fleet = await start();
    api = fleet.api;
    for (const [name, { zone, cluster, labels }] of places) {
      await api.expectDone('POST', `/hosts/${name}/zone`, { zone });
      await api.expectDone('POST', `/hosts/${name}/cluster`, { cluster });
      await api.expectDone('POST', `/hosts/${name}/label`, { set: { ...labels, old: 'yes' } });
      await api.expectDone('POST', `/hosts/${name}/label`, { remove: ['old'] });
    }
    await fleet.stop();
    fleet = await start();
    api = fleet.api;
  }, 120_000);
  afterAll(async () => {
    await fleet?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('outlive a restart of everything', async () => {
    const hosts = await hostsByName();
    for (const [name, place] of places) expect(hosts.get(name)).toMatchObject(place);
  });

  it.each([
    ['sim-001', { zone: 'east' }],
    ['sim-002', { zone: 'west', hostLabels: { disk: 'nvme' } }],
    ['sim-002', { cluster: 'gold' }],
    ['sim-003', { hostLabels: { disk: 'hdd', rack: 'r7' } }],
  ])('bring every VM to %s that asks for %j', async (name, placement) => {
    const host = (await hostsByName()).get(name);
    for (const n of [1, 2, 3]) {
      const vm = `${name}-${Object.keys(placement)[0]?.toLowerCase()}-${n}`;
      await api.succeed('POST', '/vms', { name: vm, spec: { placement } });
      expect((await api.vm(vm)).placement?.hostId).toBe(host?.id);
    }
  });

  it('refuse what no host has, with the filter and the numbers', async () => {
    const nowhere = await end(api, '/vms', { name: 'nowhere', spec: { placement: { zone: 'north' } } });
    expect(nowhere).toMatchObject({
      state: 'FAILED',
      error: { code: 'NO_HOST_FITS', data: { counts: { zone: 3 } } },
    });
    const placement = { zone: 'east', hostLabels: { disk: 'hdd' } };
    const both = await end(api, '/vms', { name: 'nowhere', spec: { placement } });
    expect(both).toMatchObject({ state: 'FAILED', error: { data: { counts: { labels: 1, zone: 2 } } } });
    expect(both.error?.data?.['nearest']).toMatchObject([
      { hostName: 'sim-001', filter: 'labels', detail: 'the host lacks disk=hdd' },
      { filter: 'zone', detail: 'the VM asks for zone east, the host is in west' },
      { filter: 'zone' },
    ]);
  });
});
