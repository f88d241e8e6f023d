/** Against real QEMU, with virsh as the oracle. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPrivateLibvirtd } from '@drover/testing';
import type { PrivateLibvirtd } from '@drover/testing';
import {
  affects,
  createFlags,
  domainStates,
  errorCodes,
  LibvirtClient,
  lifecycleEvents,
  monitorFlags,
  pausedReasons,
  statsFlags,
  statsGroups,
  versionText,
  xmlFlags,
} from '../src/index.js';
import { tinyDomain, uuids } from './tiny-domain.js';
import { until } from './until.js';

const [uuid] = uuids;

let libvirtd: PrivateLibvirtd;
let client: LibvirtClient;

beforeAll(async () => {
  libvirtd = await startPrivateLibvirtd();
}, 60_000);
afterAll(() => libvirtd.stop(), 60_000);

beforeEach(async () => {
  client = new LibvirtClient({ socketPath: libvirtd.socketPath });
  await client.connect();
});
afterEach(async () => {
  for (const domain of await client.domains.list()) {
    if (await client.domains.isActive(domain)) await client.domains.destroy(domain);
  }
  for (const domain of await client.domains.list()) await client.domains.undefine(domain);
  client.close();
}, 60_000);

describe('the host', () => {
  it('is described as virsh describes it', async () => {
    const lines = (text: string) => text.split('\n').sort();
    expect((await client.host.capabilities()).trim()).toBe(await libvirtd.virsh('capabilities'));
    expect((await client.host.domainCapabilities({ type: 'qemu' })).trim()).toBe(
      await libvirtd.virsh('domcapabilities', '--virttype', 'qemu'),
    );
    const devices = (await client.host.devices()).map(({ name }) => name);
    expect(devices.sort()).toEqual(lines(await libvirtd.virsh('nodedev-list')));
    expect((await client.host.deviceXml('computer')).trim()).toBe(await libvirtd.virsh('nodedev-dumpxml', 'computer'));
    expect(await client.host.hostname()).toBe(await libvirtd.virsh('hostname'));
    expect(await libvirtd.virsh('version')).toContain(
      `library: libvirt ${versionText(await client.host.libVersion())}`,
    );
    expect(await client.host.cpuModelNames('x86_64')).toContain('qemu64');
    const info = await client.host.info();
    expect(await libvirtd.virsh('nodeinfo')).toContain(`${info.memory} KiB`);
    expect(Object.keys(await client.host.cpuStats())).toEqual(expect.arrayContaining(['kernel', 'user', 'idle']));
    const { total } = await client.host.memoryStats();
    expect((await libvirtd.virsh('nodememstats')).replace(/\s+/g, ' ')).toContain(`total : ${total} KiB`);
    expect(Number(await client.host.freeMemoryBytes())).toBeGreaterThan(0);
  }, 30_000);
});

describe('a domain', () => {
  it('lives: define, start, pause, resume, reset, stop, undefine, each step an event in order', async () => {
    const events: number[] = [];
    await client.on('lifecycle', ({ dom, event }) => {
      // A QEMU that is killed may or may not still say that it shuts down.
      if (dom.uuid === uuid && event !== lifecycleEvents.shutdown) events.push(event);
    });
    await client.domains.define(tinyDomain('tiny', uuid));
    expect(await client.domains.isPersistent(uuid)).toBe(true);
    expect(await client.domains.autostart(uuid)).toBe(false);
    const started = await client.domains.create(uuid, createFlags.paused);
    expect(started.id).toBeGreaterThan(0);
    expect(await client.domains.state(uuid)).toEqual({ state: domainStates.paused, reason: pausedReasons.user });
    await client.domains.resume(uuid);
    expect((await client.domains.state(uuid)).state).toBe(domainStates.running);
    await client.domains.suspend(uuid);
    await client.domains.resume(uuid);
    await client.domains.reset(uuid);
    await client.domains.reboot(uuid);
    await client.domains.shutdown(uuid);
    expect(await client.domains.info(uuid)).toMatchObject({ state: domainStates.running, maxMem: 32768, nrVirtCpu: 1 });
    await client.domains.destroy(uuid);
    expect((await client.domains.state(uuid)).state).toBe(domainStates.shutoff);
    await client.domains.undefine(uuid);
    await expect(client.domains.state(uuid)).rejects.toMatchObject({ code: errorCodes.NO_DOMAIN });
    await until(() => events.includes(lifecycleEvents.undefined));
    const { defined, started: start, suspended, resumed, stopped, undefined: gone } = lifecycleEvents;
    expect(events).toEqual([defined, start, suspended, resumed, suspended, resumed, stopped, gone]);
  }, 60_000);

  it('has the XML, title and metadata that virsh shows', async () => {
    await client.domains.define(tinyDomain('tiny', uuid));
    await client.domains.create(uuid);
    const mark = { uri: 'urn:example:mark', prefix: 'mark', xml: '<vm generation="3"/>' };
    await client.domains.setMetadata(uuid, mark, affects.live | affects.config);
    await client.domains.setTitle(uuid, 'web & <more>', affects.live | affects.config);
    expect((await client.domains.xml(uuid)).trim()).toBe(await libvirtd.virsh('dumpxml', 'tiny'));
    expect((await client.domains.xml(uuid, xmlFlags.inactive)).trim()).toBe(
      await libvirtd.virsh('dumpxml', '--inactive', 'tiny'),
    );
    expect(await client.domains.title(uuid)).toBe('web & <more>');
    expect(await client.domains.metadata(uuid, mark.uri)).toContain('generation="3"');
    expect(await libvirtd.virsh('desc', '--title', 'tiny')).toBe('web & <more>');
  }, 60_000);

  it('has the statistics that virsh shows', async () => {
    await client.domains.define(
      tinyDomain('tiny', uuid, `<interface type='user'><mac address='52:54:00:00:00:01'/></interface>`),
    );
    await client.domains.create(uuid, createFlags.paused);
    const groups =
      statsGroups.state | statsGroups.balloon | statsGroups.vcpu | statsGroups.interface | statsGroups.block;
    const [record] = await client.statistics.all(groups, statsFlags.nowait, [uuid]);
    const shown = await libvirtd.virsh('domstats', '--state', '--balloon', '--vcpu', '--interface', '--block', 'tiny');
    const theirs = new Map(
      shown
        .split('\n')
        .slice(1)
        .map((line) => line.trim().split('=') as [string, string]),
    );
    expect(record?.domain).toMatchObject({ name: 'tiny', uuid });
    expect(Object.keys(record?.values ?? {}).sort()).toEqual([...theirs.keys()].sort());
    for (const name of [
      'state.state',
      'state.reason',
      'balloon.current',
      'balloon.maximum',
      'vcpu.current',
      'net.count',
    ]) {
      expect([name, String(record?.values[name])]).toEqual([name, theirs.get(name)]);
    }
    expect(await client.statistics.memory(uuid)).toMatchObject({ actualBalloon: 32768 });
    expect(await client.statistics.vcpus(uuid, 4)).toMatchObject([{ number: 0 }]);
    expect(await client.domains.controlInfo(uuid)).toMatchObject({ state: 0 });
  }, 60_000);

  it('takes monitor commands and streams its screen', async () => {
    const video = `<graphics type='vnc' socket='/run/libvirt/tiny.vnc'/><video><model type='vga'/></video>`;
    await client.domains.createXml(tinyDomain('tiny', uuid, video));
    const status = await client.guest.monitorCommand(uuid, '{"execute":"query-status"}');
    expect(JSON.parse(status)).toMatchObject({ return: { status: 'running' } });
    expect(await client.guest.monitorCommand(uuid, 'info version', monitorFlags.hmp)).toMatch(/^\d+\.\d+/);
    const { type, image } = await client.domains.screenshot(uuid);
    const chunks: Buffer[] = [];
    for await (const chunk of image) chunks.push(chunk as Buffer);
    const picture = Buffer.concat(chunks);
    expect(type).toMatch(/^image\//);
    expect(picture.length).toBeGreaterThan(100);
  }, 60_000);

  it('reports every monitor event of its QEMU', async () => {
    const names: string[] = [];
    const off = await client.on('monitor', ({ event }) => names.push(event));
    await client.domains.createXml(tinyDomain('tiny', uuid));
    await client.domains.suspend(uuid);
    await until(() => names.includes('STOP'));
    await off();
  }, 60_000);

  it('says that no agent answers, with an outcome that is honest about it', async () => {
    await client.domains.createXml(
      tinyDomain('tiny', uuid, `<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>`),
    );
    await expect(client.guest.agentCommand(uuid, '{"execute":"guest-ping"}', 1)).rejects.toMatchObject({
      code: errorCodes.AGENT_UNRESPONSIVE,
      outcome: 'unknown',
    });
  }, 60_000);

  it.each([
    ['not XML', '<domain', errorCodes.XML_DETAIL],
    ['no operating system', `<domain type='qemu'><name>x</name><memory>1024</memory></domain>`, errorCodes.XML_ERROR],
  ])('is not defined from XML that is wrong: %s', async (_name, xml, code) => {
    await expect(client.domains.define(xml)).rejects.toMatchObject({ code, outcome: 'not-applied', origin: 'daemon' });
    expect(await client.domains.list()).toEqual([]);
  });
});
