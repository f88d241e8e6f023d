/** What a client must survive: a daemon that dies, one that freezes, and a QEMU that hangs. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPrivateLibvirtd } from '@drover/testing';
import type { PrivateLibvirtd } from '@drover/testing';
import {
  domainStates,
  errorCodes,
  LibvirtClient,
  LibvirtError,
  lifecycleEvents,
  statsFlags,
  statsGroups,
} from '../src/index.js';
import { tinyDomain, uuids } from './tiny-domain.js';
import { until } from './until.js';

const [first, second, third] = uuids;

let libvirtd: PrivateLibvirtd;
let client: LibvirtClient;
let told: { readonly what: string; readonly atMs: number }[];

beforeAll(async () => {
  libvirtd = await startPrivateLibvirtd();
}, 60_000);
afterAll(() => libvirtd.stop(), 60_000);

beforeEach(async () => {
  client = new LibvirtClient({ socketPath: libvirtd.socketPath });
  await client.connect();
  told = [];
  client.watch({
    connected: () => told.push({ what: 'connected', atMs: performance.now() }),
    disconnected: () => told.push({ what: 'disconnected', atMs: performance.now() }),
  });
  await client.domains.createXml(tinyDomain('one', first));
  await client.domains.createXml(tinyDomain('two', second));
}, 60_000);
afterEach(async () => {
  for (const domain of await client.domains.list()) {
    // A transient domain stays listed for a moment after the event that says it has stopped.
    await client.domains.destroy(domain).catch((error: unknown) => {
      if (!(error instanceof LibvirtError && error.code === errorCodes.NO_DOMAIN)) throw error;
    });
  }
  client.close();
}, 60_000);

const whats = () => told.map(({ what }) => what);

describe('a daemon', () => {
  it('that is killed leaves its domains running, and they are seen again when it is back', async () => {
    const stopped: string[] = [];
    await client.on('lifecycle', ({ dom, event }) => {
      if (event === lifecycleEvents.stopped) stopped.push(dom.name);
    });
    const hanging = client.guest.monitorCommand(first, '{"execute":"query-status"}').catch((error: unknown) => error);
    await libvirtd.kill('SIGKILL');
    await hanging;
    await until(() => whats().includes('disconnected'));
    await libvirtd.restart();
    await until(() => whats().includes('connected'));
    expect((await client.domains.list()).map(({ uuid }) => uuid).sort()).toEqual([first, second]);
    expect((await client.domains.state(first)).state).toBe(domainStates.running);
    // Answers once the daemon stands at the QEMU's monitor again. A destroy before that ends what it is still looking for, and
    // is then refused: the domain has stopped already.
    expect(await client.guest.monitorCommand(first, '{"execute":"query-status"}')).toContain('"running"');
    await client.domains.destroy(first);
    await until(() => stopped.includes('one'));
  }, 60_000);

  it('that freezes is noticed within six seconds, and calls in flight end as unknown', async () => {
    const frozenAt = performance.now();
    await libvirtd.kill('SIGSTOP');
    try {
      const calls = await Promise.allSettled([client.host.libVersion(), client.domains.suspend(first)]);
      for (const call of calls) {
        expect(call.status === 'rejected' ? call.reason : call).toMatchObject({
          ...{ name: 'LibvirtError', code: errorCodes.RPC, outcome: 'unknown', origin: 'client' },
        });
      }
      await until(() => whats().includes('disconnected'));
      expect((told[0]?.atMs ?? Infinity) - frozenAt).toBeLessThan(6000);
    } finally {
      await libvirtd.kill('SIGCONT');
    }
    await until(() => whats().includes('connected'));
    expect(await client.domains.list()).toHaveLength(2);
  }, 60_000);
});

describe('a QEMU that hangs', () => {
  let qemuPid: number;
  beforeEach(() => {
    qemuPid = libvirtd.qemuPid('one');
    process.kill(qemuPid, 'SIGSTOP');
  });

  it('holds up neither bulk statistics nor other domains, only its own calls', async () => {
    const asked = performance.now();
    // More than fill a connection, so that all that shared one with them would wait.
    const stuck = [1, 2, 3, 4].map(() => {
      const args = { dom: { name: 'one', uuid: first, id: -1 } };
      return client.call('DOMAIN_SUSPEND', args, { timeoutMs: 3000 }).catch((error: unknown) => error);
    });
    const records = await client.statistics.all(0, statsFlags.nowait);
    expect(records.map(({ domain }) => domain.name).sort()).toEqual(['one', 'two']);
    const states = await client.statistics.all(statsGroups.state, statsFlags.nowait);
    expect(states.map(({ values }) => values['state.state'])).toEqual([domainStates.running, domainStates.running]);
    expect((await client.domains.state(first)).state).toBe(domainStates.running);
    await client.domains.suspend(second);
    await client.domains.resume(second);
    await client.domains.createXml(tinyDomain('three', third));
    for (const error of await Promise.all(stuck)) {
      expect(error).toMatchObject({ code: errorCodes.OPERATION_TIMEOUT, outcome: 'unknown', origin: 'client' });
    }
    expect(performance.now() - asked).toBeLessThan(15_000);
    expect(client.isConnected).toBe(true);
    process.kill(qemuPid, 'SIGCONT');
  }, 60_000);

  it('can be destroyed', async () => {
    await client.domains.destroy(first);
    expect((await client.domains.list()).map(({ name }) => name)).toEqual(['two']);
  }, 60_000);
});
