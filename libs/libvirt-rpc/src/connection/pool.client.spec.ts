import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeDaemon, unanswered } from '../../test/fake-daemon.js';
import type { FakePeer } from '../../test/fake-daemon.js';
import { until } from '../../test/until.js';
import { errorCodes } from '../facade/error-codes.js';
import { LibvirtPool } from './pool.client.js';

const uuid = '00112233-4455-6677-8899-aabbccddeeff';
const web = { name: 'web', uuid, id: 7 };
const register = 'CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY';
const deregister = 'CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY';

let daemon: FakeDaemon;
let pool: LibvirtPool;

beforeEach(async () => {
  daemon = new FakeDaemon();
  pool = new LibvirtPool({ transport: daemon.transport, keepalive: null, backoff: { firstMs: 1, lastMs: 4 } });
  await pool.connect();
});
afterEach(() => pool.close());

function lastPeer(): FakePeer {
  const peer = daemon.peers.at(-1);
  if (peer === undefined) throw new Error('no client connected');
  return peer;
}

const lifecycle = (event: number) => ({ callbackID: 1, msg: { dom: web, event, detail: 0 } });

describe('events', () => {
  it('are registered for once, fan out to all listeners, and are deregistered when the last one goes', async () => {
    const seen: string[] = [];
    const offs = await Promise.all([
      pool.on('lifecycle', ({ event }) => seen.push(`a${event}`)),
      pool.on('lifecycle', ({ event }) => seen.push(`b${event}`)),
    ]);
    expect(daemon.callsOf(register)).toHaveLength(1);
    lastPeer().event('DOMAIN_EVENT_CALLBACK_LIFECYCLE', lifecycle(2));
    await until(() => seen.length === 2);
    expect(seen).toEqual(['a2', 'b2']);
    await offs[0]?.();
    expect(daemon.callsOf(deregister)).toHaveLength(0);
    await offs[1]?.();
    await offs[1]?.();
    expect(daemon.callsOf(deregister)).toMatchObject([{ args: { callbackID: 1 } }]);
  });

  it('come in one shape, whether the message nests its fields or not', async () => {
    const seen: unknown[] = [];
    await pool.on('lifecycle', (event) => seen.push(event));
    await pool.on('agentLifecycle', (event) => seen.push(event));
    lastPeer().event('DOMAIN_EVENT_CALLBACK_LIFECYCLE', lifecycle(2));
    lastPeer().event('DOMAIN_EVENT_CALLBACK_AGENT_LIFECYCLE', { callbackID: 2, dom: web, state: 1, reason: 2 });
    await until(() => seen.length === 2);
    expect(seen).toEqual([
      { dom: web, event: 2, detail: 0 },
      { dom: web, state: 1, reason: 2 },
    ]);
  });

  it('reach their listener before the reply to the call that caused them', async () => {
    const order: string[] = [];
    await pool.on('lifecycle', () => order.push('event'));
    daemon.answer('DOMAIN_DESTROY_FLAGS', (_args, { peer }) => {
      peer.event('DOMAIN_EVENT_CALLBACK_LIFECYCLE', lifecycle(5));
      return {};
    });
    await pool.call('DOMAIN_DESTROY_FLAGS', { dom: web, flags: 0 });
    order.push('reply');
    expect(order).toEqual(['event', 'reply']);
  });

  it('that come before the answer to the registration are not lost', async () => {
    let seen = 0;
    daemon.answer(register, (_args, { peer }) => {
      peer.event('DOMAIN_EVENT_CALLBACK_LIFECYCLE', lifecycle(0));
      return { callbackID: 9 };
    });
    await pool.on('lifecycle', () => (seen += 1));
    expect(seen).toBe(1);
  });

  it('that cannot be read end the connection, so that a full list makes good for them', async () => {
    const reasons: string[] = [];
    pool.watch({ disconnected: (reason) => reasons.push(reason.message) });
    await pool.on('lifecycle', () => undefined);
    const header = { program: 0x20008086, procedure: 318, type: 2, serial: 0, status: 0 };
    lastPeer().send(header, Buffer.alloc(4));
    await until(() => daemon.peers.length === 2 && pool.isConnected);
    expect(reasons).toEqual([expect.stringContaining('unreadable event')]);
  });

  it('that the daemon refuses reject, and leave no listener behind', async () => {
    daemon.answer(register, (_args, call) => {
      call.peer.fail(call, errorCodes.NO_SUPPORT, 'no such event');
      return unanswered;
    });
    await expect(pool.on('lifecycle', () => undefined)).rejects.toMatchObject({ code: errorCodes.NO_SUPPORT });
    lastPeer().socket.end();
    await until(() => daemon.peers.length === 2 && pool.isConnected);
    expect(daemon.callsOf(register)).toHaveLength(1);
  });
});

describe('reconnecting', () => {
  it('registers again before it says connected, so that a full list taken then misses nothing', async () => {
    await pool.on('lifecycle', () => undefined);
    const told: string[] = [];
    pool.watch({
      connected: () => told.push(`connected after ${daemon.callsOf(register).length} registrations`),
      disconnected: () => told.push('disconnected'),
    });
    lastPeer().socket.end();
    await until(() => told.length === 2);
    expect(told).toEqual(['disconnected', 'connected after 2 registrations']);
  });

  it('tries until the daemon is there, and refuses calls as not-applied meanwhile', async () => {
    let failures = 0;
    pool.watch({ unreachable: () => (failures += 1) });
    daemon.isReachable = false;
    lastPeer().socket.end();
    await until(() => failures >= 3);
    expect(pool.isConnected).toBe(false);
    await expect(pool.call('CONNECT_GET_LIB_VERSION', {})).rejects.toMatchObject({
      ...{ code: errorCodes.NO_CONNECT, outcome: 'not-applied' },
    });
    daemon.isReachable = true;
    await until(() => pool.isConnected);
    await expect(pool.call('CONNECT_GET_LIB_VERSION', {})).resolves.toEqual({ lib_ver: 9_000_000 });
  });

  it('takes the other connections down with the first', async () => {
    daemon.answer('DOMAIN_SUSPEND', () => unanswered);
    const suspend = pool.call('DOMAIN_SUSPEND', { dom: web });
    await until(() => daemon.callsOf('DOMAIN_SUSPEND').length === 1);
    daemon.peers[0]?.socket.end();
    await expect(suspend).rejects.toMatchObject({ outcome: 'unknown', procedure: 'DOMAIN_SUSPEND' });
  });

  it('ends with close', async () => {
    pool.close();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(daemon.peers).toHaveLength(1);
    await expect(pool.call('CONNECT_GET_LIB_VERSION', {})).rejects.toMatchObject({ outcome: 'not-applied' });
  });

  it('starts with a daemon that comes later', async () => {
    const later = new FakeDaemon();
    later.isReachable = false;
    const client = new LibvirtPool({ transport: later.transport, backoff: { firstMs: 1, lastMs: 1 } });
    await client.on('lifecycle', () => undefined);
    await expect(client.connect()).rejects.toMatchObject({ code: errorCodes.NO_CONNECT });
    client.start();
    later.isReachable = true;
    await until(() => client.isConnected);
    expect(later.callsOf(register)).toHaveLength(1);
    client.close();
  });
});

describe('lanes', () => {
  it('let no call that waits for a QEMU hold up one that does not', async () => {
    daemon.answer('DOMAIN_SUSPEND', () => unanswered);
    daemon.answer('CONNECT_GET_ALL_DOMAIN_STATS', () => unanswered);
    daemon.answer('DOMAIN_AGENT_COMMAND', () => unanswered);
    const stuck: Promise<unknown>[] = [];
    for (let index = 0; index < 20; index += 1) {
      stuck.push(pool.call('DOMAIN_SUSPEND', { dom: web }));
      stuck.push(pool.call('CONNECT_GET_ALL_DOMAIN_STATS', { doms: [], stats: 0, flags: 0 }));
      stuck.push(pool.call('DOMAIN_AGENT_COMMAND', { dom: web, cmd: '{}', timeout: 1, flags: 0 }));
    }
    const settled = Promise.allSettled(stuck);
    await until(
      () => daemon.callsOf('DOMAIN_SUSPEND').length === 8 && daemon.callsOf('DOMAIN_AGENT_COMMAND').length === 4,
    );
    await expect(pool.call('CONNECT_GET_LIB_VERSION', {})).resolves.toEqual({ lib_ver: 9_000_000 });
    // A client that ends a hung VM looks at it first.
    daemon.answer('DOMAIN_GET_XML_DESC', () => ({ xml: '<domain/>' }));
    await expect(pool.call('DOMAIN_GET_XML_DESC', { dom: web, flags: 0 })).resolves.toEqual({ xml: '<domain/>' });
    // One for control, one for libvirt's books, two for work, one for statistics, one for what is long; four calls in flight on each.
    expect(daemon.peers).toHaveLength(6);
    for (const peer of daemon.peers) {
      expect(
        daemon.calls.filter((call) => call.peer === peer && call.name.startsWith('DOMAIN_')).length,
      ).toBeLessThanOrEqual(4);
    }
    pool.close();
    await settled;
  });

  it('give each stream a connection of its own, closed with it', async () => {
    daemon.answer('STORAGE_VOL_DOWNLOAD', () => ({}));
    const vol = { pool: 'p', name: 'v', key: 'k' };
    const { stream } = await pool.openStream('STORAGE_VOL_DOWNLOAD', { vol, offset: 0, length: 0, flags: 0 });
    expect(daemon.peers).toHaveLength(2);
    stream.destroy();
    await until(() => lastPeer().socket.destroyed || lastPeer().socket.readableEnded);
    await expect(pool.call('CONNECT_GET_LIB_VERSION', {})).resolves.toBeDefined();
  });
});
