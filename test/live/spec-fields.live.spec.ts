/** Every field of a VM spec that Drover honours, on real libvirt and QEMU: what was asked for is what libvirt runs. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { orderIdSchema, fleetIdSchema, vmIdSchema, vmSpecSchema, type VmSpecInput } from '@drover/contracts';
import { attribute, child, children, readXml, text, writeDomain, type XmlElement } from '@drover/libvirt-xml';
import { domainOf, RealHost } from './real-host.runner.js';

const memory = { sizeMiB: 32 };
const mac = '52:54:00:0d:0e:0f';
const description = 'as it was asked for';

/** Four VMs, since a VM has one watchdog and that one action; the other fields are spread over them. */
const specs: Readonly<Record<string, VmSpecInput>> = {
  one: {
    memory: { sizeMiB: 48 },
    cpu: { sockets: 1, cores: 2, threads: 1, model: 'kvm64' },
    disks: [
      {
        name: 'limited',
        sizeMiB: 1,
        cache: 'none',
        ioLimits: { readIops: 101, writeIops: 102, readKiBps: 103, writeKiBps: 104 },
      },
      { name: 'raw', sizeMiB: 2, format: 'raw', bus: 'scsi', cache: 'writeback' },
      { name: 'overlay', image: 'guest', bus: 'sata', cache: 'writethrough' },
    ],
    nics: [
      { network: 'inside', mac },
      { network: 'inside', model: 'e1000e' },
      { network: 'inside', model: 'e1000' },
      { network: 'inside', model: 'rtl8139' },
    ],
    devices: { watchdog: { model: 'i6300esb', action: 'reset' }, rng: true },
    console: { serial: true, graphics: 'none' },
    firmware: { type: 'bios', secureBoot: false },
    labels: { tier: 'web' },
    metadata: { description, annotations: { 'drover.example/owner': 'ops' } },
  },
  two: {
    memory,
    cpu: { threads: 2, model: 'host-model' },
    disks: [
      { name: 'a', pool: 'second', sizeMiB: 1, cache: 'directsync' },
      { name: 'b', pool: 'second', sizeMiB: 1, format: 'raw', cache: 'unsafe' },
    ],
    devices: { watchdog: { model: 'i6300esb', action: 'poweroff' }, rng: false },
    console: { serial: false },
    placement: { policy: 'pack' },
  },
  three: {
    memory,
    cpu: { sockets: 2 },
    // More than one controller of libvirt's own would hold.
    disks: Array.from({ length: 9 }, (_, index) => ({ name: `d${index}`, sizeMiB: 1, bus: 'scsi' as const })),
    devices: { watchdog: { model: 'i6300esb', action: 'pause' } },
  },
  four: { memory, devices: { watchdog: { model: 'i6300esb', action: 'none' } } },
};

describe('the fields of a VM spec on a real host', () => {
  let host: RealHost;
  let second: string;

  beforeAll(async () => {
    second = await mkdtemp(path.join(tmpdir(), 'drover-second-'));
    const furtherPools = [{ name: 'second', path: second }];
    host = await RealHost.start(
      { furtherPools, environment: { DROVER_HYPERVISOR_NETWORKS: 'inside' } },
      async (libvirtd) => {
        const network = path.join(libvirtd.dir, 'network.xml');
        await writeFile(network, `<network><name>inside</name><bridge name='drvinside0'/></network>`);
        await libvirtd.virsh('net-define', network);
        await libvirtd.virsh('net-start', 'inside');
      },
    );
    const hostId = host.fleet.hosts[0]?.id;
    for (const [name, spec] of Object.entries(specs)) {
      await host.create(name, {
        ...spec,
        placement: { ...spec.placement, ...(hostId === undefined ? {} : { hostId }) },
      });
    }
  }, 240_000);
  afterAll(async () => {
    await host?.stop();
    await rm(second, { recursive: true });
  });

  /** What libvirt runs, or with `--inactive` what it would start. */
  async function domain(name: string, ...options: string[]): Promise<XmlElement | undefined> {
    const { id } = await host.api.vm(name);
    return child(readXml(await host.virsh('dumpxml', ...options, id)), 'domain');
  }
  const devicesOf = async (name: string, kind: string) => children(child(await domain(name), 'devices'), kind);
  const attributesOf = (element: XmlElement | undefined, ...names: string[]) =>
    names.map((name) => attribute(element, name));

  it.each(Object.keys(specs))('VM %s runs', async (name) => {
    expect(await host.api.vm(name)).toMatchObject({ observed: { powerState: 'RUNNING' }, drift: [], operation: null });
    expect(await host.stateOf(domainOf((await host.api.vm(name)).id))).toBe('running');
  });

  it('cpu: model and topology', async () => {
    const cpuOf = async (name: string) => {
      const found = await domain(name);
      const topology = child(found, 'cpu', 'topology');
      return [text(found, 'vcpu'), ...attributesOf(topology, 'sockets', 'cores', 'threads')];
    };
    expect(await cpuOf('one')).toEqual(['2', '1', '2', '1']);
    expect(await cpuOf('two')).toEqual(['2', '1', '1', '2']);
    expect(await cpuOf('three')).toEqual(['2', '2', '1', '1']);
    expect(text(await domain('one'), 'cpu', 'model')).toBe('kvm64');
    expect(attribute(child(await domain('two', '--inactive'), 'cpu'), 'mode')).toBe('host-model');
  });

  it('memory: its size, and firmware: BIOS', async () => {
    const found = await domain('one');
    expect([text(found, 'memory'), attribute(child(found, 'memory'), 'unit')]).toEqual([String(48 * 1024), 'KiB']);
    expect(child(found, 'os', 'loader')).toBeUndefined();
  });

  it('disks: bus, format, cache, pool, image and limits', async () => {
    const disksOf = async (name: string) =>
      (await devicesOf(name, 'disk')).map((disk) => [
        ...attributesOf(child(disk, 'target'), 'dev', 'bus'),
        ...attributesOf(child(disk, 'driver'), 'type', 'cache'),
      ]);
    expect(await disksOf('one')).toEqual([
      ['vda', 'virtio', 'qcow2', 'none'],
      ['sda', 'scsi', 'raw', 'writeback'],
      ['sdb', 'sata', 'qcow2', 'writethrough'],
    ]);
    expect(await disksOf('two')).toEqual([
      ['vda', 'virtio', 'qcow2', 'directsync'],
      ['vdb', 'virtio', 'raw', 'unsafe'],
    ]);
    const [limited, , overlay] = await devicesOf('one', 'disk');
    expect(child(limited, 'iotune')).toEqual({
      read_bytes_sec: String(103 * 1024),
      write_bytes_sec: String(104 * 1024),
      read_iops_sec: '101',
      write_iops_sec: '102',
    });
    expect(attribute(child(overlay, 'backingStore', 'source'), 'file')).toMatch(/\/guest\//);
    const { id: one } = await host.api.vm('one');
    const { id: two } = await host.api.vm('two');
    expect(await host.volumes('drover-second')).toEqual([`${two}-a.qcow2`, `${two}-b.raw`]);
    expect(await host.virsh('vol-info', `${one}-raw.raw`, '--pool', 'drover-default')).toMatch(/Capacity:\s+2.00 MiB/);
  });

  it('many SCSI disks: all on the one controller', async () => {
    const controllers = (await devicesOf('three', 'controller')).filter((one) => attribute(one, 'type') === 'scsi');
    expect(controllers.map((one) => attribute(one, 'model'))).toEqual(['virtio-scsi']);
    expect(await devicesOf('three', 'disk')).toHaveLength(9);
  });

  it('NICs: model, network and MAC', async () => {
    const nics = await devicesOf('one', 'interface');
    expect(nics.map((nic) => attribute(child(nic, 'model'), 'type'))).toEqual(['virtio', 'e1000e', 'e1000', 'rtl8139']);
    expect(nics.map((nic) => attribute(child(nic, 'source'), 'network'))).toEqual(nics.map(() => 'inside'));
    expect(attribute(child(nics[0], 'mac'), 'address')).toBe(mac);
  });

  const rated: VmSpecInput = {
    memory,
    nics: [{ network: 'inside' }, { network: 'inside', rate: { inboundKiBps: 1000, outboundKiBps: 2000 } }],
  };

  it('NICs: a rate, which libvirt is told in kilobytes of 1000', async () => {
    const vmId = vmIdSchema.parse(randomUUID());
    const file = path.join(host.libvirtd.dir, 'rated.xml');
    const mark = {
      fleetId: fleetIdSchema.parse(randomUUID()),
      vmId,
      generation: { epoch: 1, n: 1 },
      lastOrderId: orderIdSchema.parse(randomUUID()),
    };
    const spec = vmSpecSchema.parse(rated);
    await writeFile(
      file,
      writeDomain({ vmId, name: 'rated', spec, mark, accelerator: 'tcg', hasPanicDevice: true, disks: [] }),
    );
    await host.virsh('define', file);
    const defined = child(readXml(await host.virsh('dumpxml', vmId)), 'domain', 'devices');
    await host.virsh('undefine', vmId);
    const [, bandwidth] = children(defined, 'interface').map((nic) => child(nic, 'bandwidth'));
    expect(attribute(child(bandwidth, 'inbound'), 'average')).toBe('1024');
    expect(attribute(child(bandwidth, 'outbound'), 'average')).toBe('2048');
  });

  it('NICs: a rate is held where the kernel of the host can, and refused by name where it cannot', async () => {
    const operation = await host.end('POST', '/vms', { name: 'rated', spec: rated });
    if (operation.state === 'SUCCEEDED') {
      const [, nic] = await devicesOf('rated', 'interface');
      expect(attribute(child(nic, 'bandwidth', 'inbound'), 'average')).toBe('1024');
      expect(await host.stateOf(operation.subject.id)).toBe('running');
    } else {
      expect(operation).toMatchObject({
        state: 'FAILED',
        error: { code: 'INVALID_DEFINITION', data: { field: '/spec/nics/1/rate' } },
        left: [],
      });
    }
  });

  it('console, watchdog and RNG: there as asked for, and not there where not', async () => {
    const watchdogs = await Promise.all(Object.keys(specs).map((name) => devicesOf(name, 'watchdog')));
    // Libvirt from 9.1 on shows the one that is part of the machine as well.
    const ours = watchdogs.map((found) => found.filter((one) => attribute(one, 'model') === 'i6300esb'));
    expect(ours.map((found) => found.map((one) => attribute(one, 'action')))).toEqual([
      ['reset'],
      ['poweroff'],
      ['pause'],
      ['none'],
    ]);
    expect(await devicesOf('one', 'rng')).toHaveLength(1);
    expect(await devicesOf('two', 'rng')).toEqual([]);
    expect(await devicesOf('one', 'serial')).toHaveLength(1);
    expect(await devicesOf('two', 'serial')).toEqual([]);
    for (const name of Object.keys(specs)) expect(await devicesOf(name, 'graphics')).toEqual([]);
  });

  it('metadata and labels: the description is in the domain, the others are given back', async () => {
    expect(text(await domain('one'), 'description')).toBe(description);
    const { spec } = await host.api.vm('one');
    expect([spec.labels, spec.metadata]).toEqual([specs['one']?.labels, specs['one']?.metadata]);
  });

  it('a start after a stop: it is the same machine, whatever buses its devices are on', async () => {
    for (const name of ['one', 'three']) {
      const before = await domain(name, '--inactive');
      await host.api.succeed('POST', `/vms/${name}/stop`, { mode: 'force' });
      await host.api.succeed('POST', `/vms/${name}/start`, {});
      const { metadata: _before, devices: devicesBefore, ...restBefore } = before ?? {};
      const { metadata: _after, devices: devicesAfter, ...restAfter } = (await domain(name, '--inactive')) ?? {};
      expect(restAfter).toEqual(restBefore);
      const sorted = (devices: XmlElement) =>
        Object.keys(devices)
          .sort()
          .map((kind) => [
            kind,
            children(devices, kind)
              .map((one) => JSON.stringify(one))
              .sort(),
          ]);
      expect(sorted(devicesAfter as XmlElement)).toEqual(sorted(devicesBefore as XmlElement));
      expect((await host.api.vm(name)).drift).toEqual([]);
    }
  });

  it('what this host cannot do is refused by the name of its field, before libvirt is asked', async () => {
    const refused = async (spec: VmSpecInput) =>
      (await host.api.send('POST', '/vms', { name: 'refused', spec: { memory, ...spec } })).body;
    expect(await refused({ devices: { watchdog: { model: 'itco', action: 'reset' } } })).toMatchObject({
      code: 'UNSUPPORTED_FIELD',
      field: '/spec/devices/watchdog/model',
    });
    expect(await refused({ cpu: { cores: 256 } })).toMatchObject({ code: 'UNSUPPORTED_FIELD', field: '/spec/cpu' });
    expect(await refused({ disks: [{ name: 'a', sizeMiB: 1, bus: 'ide' }] })).toMatchObject({
      code: 'UNSUPPORTED_FIELD',
      field: '/spec/disks/0/bus',
    });
  });

  it('host-passthrough: runs on KVM, and finds no host where processors are emulated', async () => {
    const { accelerator } = (await host.host()).inventory;
    const operation = await host.end('POST', '/vms', {
      name: 'passed',
      spec: { memory, cpu: { model: 'host-passthrough' } },
    });
    expect(operation).toMatchObject(
      accelerator === 'kvm' ? { state: 'SUCCEEDED' } : { state: 'FAILED', error: { code: 'NO_HOST_FITS' }, left: [] },
    );
  });
});
