import { describe, expect, it } from '@jest/globals';
import { generationSchema, hostResourceSchema, vmIdSchema, type HostResource } from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';
import { describeHost } from './hosts.js';

const at = '2026-01-01T00:00:00.000Z';
const vmId = vmIdSchema.parse(derivedId('a', 'vm'));
const cpu = { model: 'sim', flags: [], sockets: 1, coresPerSocket: 8, threadsPerCore: 1, count: 8, mhz: 2000 };
const hostWith = (more: Partial<HostResource>) =>
  hostResourceSchema.parse({
    id: derivedId('h1', 'host'),
    name: 'h1',
    cluster: 'default',
    liveness: { state: 'ALIVE', since: at },
    cordon: null,
    shutOut: null,
    zone: null,
    labels: {},
    hypervisorFault: null,
    clone: null,
    inventory: {
      name: 'h1',
      machineId: '0123456789abcdef0123456789abcdef',
      hypervisor: 'simulated',
      accelerator: 'simulated',
      architecture: 'x86_64',
      cpu,
      memoryMiB: 1024,
      reservedMemoryMiB: 0,
      hugePagesMiB: 0,
      numa: [],
      pciDevices: [],
      gpus: [],
      pools: [],
      networks: [],
      images: [],
    },
    growth: null,
    agent: { version: '0.1.0', protocolVersion: 1, capabilities: [], journalEpoch: 1 },
    allocated: { vms: 0, running: 0, vcpus: 0, memoryMiB: 0 },
    revision: 1,
    registeredAt: at,
    updatedAt: at,
    ...more,
  });
const stray = {
  vmId,
  kind: 'deleted' as const,
  title: 'web',
  generation: generationSchema.parse({ epoch: 1, n: 1 }),
  powerState: 'RUNNING' as const,
  vcpus: 1,
  memoryMiB: 128,
  at,
};
/** The lines about strays. */
const told = (more: Partial<HostResource>) =>
  describeHost(hostWith(more))
    .split('\n')
    .filter((line) => line.includes('stray'));

describe('a host as a person reads it', () => {
  it('has a line for each stray, and says how many more there are', () => {
    expect(told({ strays: [stray], straysLeftOut: 7 })).toEqual([
      expect.stringMatching(`^stray ${vmId} +web, deleted, RUNNING, since ${at}$`),
      expect.stringMatching(/^more strays +7$/),
    ]);
  });

  it('says nothing of strays where it has none, and where the API does not tell of them', () => {
    expect(told({ strays: [], straysLeftOut: 0 })).toEqual([]);
    expect(told({})).toEqual([]);
  });

  it('shows what could drive the terminal in the title of a stray, and does not send it', () => {
    const [line] = told({ strays: [{ ...stray, title: 'web\u001b[2J' }] });
    expect(line).toContain('web\\x1b[2J, deleted');
  });
});
