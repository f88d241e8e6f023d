/** Against a real libvirtd with its built-in test driver, which needs no QEMU. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPrivateLibvirtd } from '@drover/testing';
import type { PrivateLibvirtd } from '@drover/testing';
import {
  affects,
  defaultSocketPath,
  domainStates,
  errorCodes,
  LibvirtClient,
  lifecycleEvents,
  statsGroups,
  typedParamStringOkay,
} from '../src/index.js';
import type { LibvirtEvent } from '../src/index.js';
import { until } from './until.js';

const uuid = '11111111-2222-3333-4444-555555555555';
const domainXml = `<domain type='test'><name>extra</name><uuid>${uuid}</uuid><title>Ünïcode &amp; more</title>
<memory unit='MiB'>8</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>`;

describe('the socket', () => {
  it('is the modular daemon’s where that listens, else the monolithic one’s', () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'drover-socket-'));
    expect(defaultSocketPath(directory)).toBe(path.join(directory, 'libvirt-sock'));
    writeFileSync(path.join(directory, 'virtqemud-sock'), '');
    expect(defaultSocketPath(directory)).toBe(path.join(directory, 'virtqemud-sock'));
    rmSync(directory, { recursive: true });
  });
});

describe('the test driver of a real libvirtd', () => {
  let libvirtd: PrivateLibvirtd;
  let client: LibvirtClient;

  beforeAll(async () => {
    libvirtd = await startPrivateLibvirtd();
  }, 60_000);
  afterAll(() => libvirtd.stop());

  beforeEach(async () => {
    client = new LibvirtClient({ socketPath: libvirtd.socketPath, uri: 'test:///default' });
    await client.connect();
  });
  afterEach(() => client.close());

  it('answers who it is', async () => {
    expect(await client.host.type()).toBe('TEST');
    expect(await client.host.libVersion()).toBeGreaterThan(9_000_000 - 1);
    expect(await client.host.uri()).toBe('test:///default');
    expect(await client.host.capabilities()).toContain('<capabilities>');
    expect(await client.host.info()).toMatchObject({ model: 'i686', cpus: 16, nodes: 2 });
    expect((await client.host.devices()).length).toBeGreaterThan(0);
  });

  it('lists and finds the domain that is always there', async () => {
    const [domain] = await client.domains.list();
    expect(domain).toMatchObject({ name: 'test', id: 1 });
    expect(await client.domains.lookupByName('test')).toEqual(domain);
    expect(await client.domains.lookupByUuid(domain?.uuid ?? '')).toEqual(domain);
    expect(await client.domains.lookupById(1)).toEqual(domain);
  });

  it('carries a domain through its life and reports every step as an event, in order', async () => {
    const events: LibvirtEvent<'lifecycle'>[] = [];
    const off = await client.on('lifecycle', (event) => events.push(event));

    const domain = await client.domains.define(domainXml);
    expect(domain).toEqual({ name: 'extra', uuid, id: -1 });
    expect(await client.domains.title(uuid)).toBe('Ünïcode & more');
    await client.domains.create(uuid);
    expect(await client.domains.state(uuid)).toEqual({ state: domainStates.running, reason: 1 });
    await client.domains.suspend(uuid);
    expect((await client.domains.state(uuid)).state).toBe(domainStates.paused);
    await client.domains.resume(uuid);
    await client.domains.destroy(uuid);
    await client.domains.undefine(uuid);

    await until(() => events.some(({ event }) => event === lifecycleEvents.undefined));
    expect(events.map(({ dom, event }) => [dom.name, event])).toEqual([
      ['extra', lifecycleEvents.defined],
      ['extra', lifecycleEvents.started],
      ['extra', lifecycleEvents.suspended],
      ['extra', lifecycleEvents.resumed],
      ['extra', lifecycleEvents.stopped],
      ['extra', lifecycleEvents.undefined],
    ]);
    await off();
  });

  it('keeps metadata per namespace', async () => {
    await client.domains.define(domainXml);
    try {
      const element = { uri: 'urn:example:a', prefix: 'a', xml: '<mark n="1">&lt;x&gt;</mark>' };
      await client.domains.setMetadata(uuid, element);
      expect(await client.domains.metadata(uuid, element.uri)).toContain('&lt;x&gt;');
      await client.domains.setMetadata(uuid, { ...element, xml: null });
      await expect(client.domains.metadata(uuid, element.uri)).rejects.toMatchObject({
        code: errorCodes.NO_DOMAIN_METADATA,
        outcome: 'not-applied',
      });
    } finally {
      await client.domains.undefine(uuid);
    }
  });

  it('answers for a domain that is not there with a typed error that names call and call site', async () => {
    const failure = client.domains.lookupByUuid(uuid);
    await expect(failure).rejects.toMatchObject({
      name: 'LibvirtError',
      code: errorCodes.NO_DOMAIN,
      origin: 'daemon',
      outcome: 'not-applied',
      procedure: 'DOMAIN_LOOKUP_BY_UUID',
    });
    await expect(failure).rejects.toHaveProperty('stack', expect.stringContaining('test-driver.int.spec'));
  });

  it.each([
    ['guest agent', () => client.guest.agentCommand(uuid, '{}')],
    ['console', () => client.domains.openConsole(uuid)],
    ['live migration', () => client.jobs.migrate(uuid, 'test:///default', 0)],
  ])('refuses what the driver has not, unsupported: %s', async (_name, attempt) => {
    await expect(attempt()).rejects.toMatchObject({ code: errorCodes.NO_SUPPORT, outcome: 'not-applied' });
  });

  it('gives bulk statistics as values by name', async () => {
    const [first] = await client.statistics.all(statsGroups.state, 0);
    expect(first).toMatchObject({ domain: { name: 'test' }, values: { 'state.state': domainStates.running } });
  });

  it('takes and gives typed parameters, and refuses one of the wrong type', async () => {
    const disk = `<devices><disk type='file'><source file='/none'/><target dev='vda' bus='virtio'/></disk></devices>`;
    const dom = await client.domains.define(domainXml.replace('</domain>', `${disk}</domain>`));
    try {
      const tune = (type: 'int' | 'uhyper') =>
        client.call('DOMAIN_SET_BLOCK_IO_TUNE', {
          ...{ dom, disk: 'vda', flags: affects.config },
          params: [{ field: 'size_iops_sec', type, value: 4321 }],
        });
      await tune('uhyper');
      await expect(tune('int')).rejects.toMatchObject({ code: errorCodes.INVALID_ARG, outcome: 'not-applied' });
      const args = { dom, disk: 'vda', nparams: 32, flags: typedParamStringOkay | affects.config };
      const { params } = await client.call('DOMAIN_GET_BLOCK_IO_TUNE', args);
      expect(params).toContainEqual({ field: 'size_iops_sec', type: 'uhyper', value: 4321 });
    } finally {
      await client.domains.undefine(dom);
    }
  });

  it('takes snapshots, reverts to them and deletes them', async () => {
    await client.domains.define(domainXml);
    try {
      const first = await client.snapshots.create(uuid, '<domainsnapshot><name>first</name></domainsnapshot>');
      const second = await client.snapshots.create(uuid, '<domainsnapshot><name>second</name></domainsnapshot>');
      expect((await client.snapshots.list(uuid)).map(({ name }) => name).sort()).toEqual(['first', 'second']);
      expect((await client.snapshots.parent(second)).name).toBe('first');
      expect((await client.snapshots.current(uuid))?.name).toBe('second');
      await client.snapshots.revert(first);
      expect((await client.snapshots.current(uuid))?.name).toBe('first');
      await client.snapshots.delete(second);
      await client.snapshots.delete(first);
      expect(await client.snapshots.current(uuid)).toBeUndefined();
    } finally {
      await client.domains.undefine(uuid);
    }
  });

  it('streams a picture of the screen', async () => {
    const { type, image } = await client.domains.screenshot(await client.domains.lookupByName('test'));
    expect(type).toBe('image/png');
    const chunks: Buffer[] = [];
    for await (const chunk of image) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).subarray(1, 4).toString()).toBe('PNG');
  });

  it('manages pools, volumes and networks', async () => {
    const pool = await client.pools.define(
      `<pool type='dir'><name>p</name><target><path>/nowhere</path></target></pool>`,
    );
    await client.pools.create(pool);
    const xml = `<volume><name>v</name><capacity unit='MiB'>1</capacity></volume>`;
    const volume = await client.volumes.create(pool, xml);
    expect(await client.volumes.info(volume)).toMatchObject({ capacity: 1_048_576 });
    expect(await client.pools.volumes(pool)).toEqual([volume]);
    await client.volumes.delete(volume);
    await client.pools.destroy(pool);
    await client.pools.undefine(pool);

    const seen: number[] = [];
    const off = await client.on('networkLifecycle', ({ event }) => seen.push(event));
    const net = await client.networks.define(`<network><name>n</name><bridge name='n0'/></network>`);
    await client.networks.create(net);
    expect(await client.networks.isActive(net)).toBe(true);
    expect(await client.networks.bridgeName(net)).toBe('n0');
    await client.networks.destroy(net);
    await client.networks.undefine(net);
    await until(() => seen.length === 4);
    expect(seen).toEqual([0, 2, 3, 1]);
    await off();
  });

  it('serves a thousand calls at once', async () => {
    const versions = await Promise.all(Array.from({ length: 1000 }, () => client.host.libVersion()));
    expect(new Set(versions).size).toBe(1);
  });

  it('connects, registers its events again and says so when the daemon was killed and came back', async () => {
    const names: string[] = [];
    await client.on('lifecycle', ({ dom, event }) => {
      if (event === lifecycleEvents.defined) names.push(dom.name);
    });
    const told: string[] = [];
    client.watch({ connected: () => told.push('connected'), disconnected: () => told.push('disconnected') });
    await libvirtd.kill('SIGKILL');
    await until(() => told.length === 1);
    await expect(client.domains.list()).rejects.toMatchObject({ code: errorCodes.NO_CONNECT, outcome: 'not-applied' });
    await libvirtd.restart();
    await until(() => told.length === 2);
    expect(told).toEqual(['disconnected', 'connected']);
    await client.domains.define(domainXml);
    await until(() => names.includes('extra'));
    await client.domains.undefine(uuid);
  }, 30_000);
});
