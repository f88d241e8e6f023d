import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeDaemon, unanswered } from '../../test/fake-daemon.js';
import type { FakePeer, ReceivedCall } from '../../test/fake-daemon.js';
import { until } from '../../test/until.js';
import { errorCodes } from '../facade/error-codes.js';
import { messageTypes, statuses } from '../wire/frame.codec.js';
import { openConnection } from './handshake.js';
import type { RpcConnection } from './rpc-connection.client.js';

const options = { uri: 'test:///default', maxInFlight: 4, timeoutMs: 60_000, keepalive: null };
const vol = { pool: 'p', name: 'v', key: 'k' };
const whole = { vol, offset: 0, length: 0, flags: 0 };

let daemon: FakeDaemon;
let connection: RpcConnection;
let peer: FakePeer;

async function open(changes: Partial<Parameters<typeof openConnection>[0]> = {}): Promise<void> {
  connection = await openConnection({ ...options, transport: daemon.transport, ...changes });
  const [first] = daemon.peers;
  if (first === undefined) throw new Error('no client connected');
  peer = first;
  daemon.calls.length = 0;
}

function received(index: number): ReceivedCall {
  const call = daemon.calls[index];
  if (call === undefined) throw new Error(`the daemon received no call ${index}`);
  return call;
}

beforeEach(() => {
  daemon = new FakeDaemon();
});
afterEach(() => connection.close());

describe('the handshake', () => {
  it('asks for authentication first, then for pings, and opens the hypervisor once', async () => {
    const names: string[] = [];
    for (const [name, answer] of daemon.answers) {
      daemon.answers.set(name, (args, call) => {
        names.push(name);
        return answer(args, call);
      });
    }
    await open({ keepalive: { intervalMs: 1000, count: 3 } });
    expect(names).toEqual(['AUTH_LIST', 'CONNECT_SUPPORTS_FEATURE', 'CONNECT_OPEN']);
  });

  it('passes polkit when the daemon asks for it', async () => {
    daemon.answer('AUTH_LIST', () => ({ types: [2] }));
    const polkit = jest.fn(() => ({ complete: 1 }));
    daemon.answer('AUTH_POLKIT', polkit);
    await open();
    expect(polkit).toHaveBeenCalledTimes(1);
  });

  it('refuses a daemon that wants SASL, and hangs up', async () => {
    daemon.answer('AUTH_LIST', () => ({ types: [1] }));
    await expect(openConnection({ ...options, transport: daemon.transport })).rejects.toMatchObject({
      ...{ code: errorCodes.AUTH_UNAVAILABLE, outcome: 'not-applied' },
    });
    await until(() => daemon.peers[0]?.socket.readableEnded === true || daemon.peers[0]?.socket.destroyed === true);
  });

  it('says not-applied when no daemon listens', async () => {
    daemon.isReachable = false;
    await expect(openConnection({ ...options, transport: daemon.transport })).rejects.toMatchObject({
      ...{ code: errorCodes.NO_CONNECT, outcome: 'not-applied', origin: 'client' },
    });
  });
});

describe('calls', () => {
  beforeEach(() => open());

  it('are answered by serial, in whatever order', async () => {
    daemon.answer('DOMAIN_LOOKUP_BY_ID', () => unanswered);
    const both = Promise.all([
      connection.call('DOMAIN_LOOKUP_BY_ID', { id: 1 }),
      connection.call('DOMAIN_LOOKUP_BY_ID', { id: 2 }),
    ]);
    await until(() => daemon.calls.length === 2);
    const dom = (name: string) => ({ dom: { name, uuid: '00000000-0000-0000-0000-000000000000', id: 0 } });
    peer.reply(received(1), dom('second'));
    peer.reply(received(0), dom('first'));
    expect((await both).map((reply) => reply.dom.name)).toEqual(['first', 'second']);
  });

  it('reject with what the daemon says, the name of the call and the stack of its site', async () => {
    daemon.answer('DOMAIN_LOOKUP_BY_ID', (_args, call) => {
      peer.fail(call, errorCodes.NO_DOMAIN, 'Domain not found');
      return unanswered;
    });
    const error: unknown = await callFromHere().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      name: 'LibvirtError',
      message: 'DOMAIN_LOOKUP_BY_ID: Domain not found',
      ...{ code: 42, domain: 10, level: 2, origin: 'daemon', outcome: 'not-applied' },
      procedure: 'DOMAIN_LOOKUP_BY_ID',
      stack: expect.stringContaining('callFromHere'),
    });
    function callFromHere() {
      return connection.call('DOMAIN_LOOKUP_BY_ID', { id: 1 });
    }
  });

  it.each([
    [errorCodes.INTERNAL_ERROR, 'unknown'],
    [errorCodes.OPERATION_TIMEOUT, 'unknown'],
    [errorCodes.AGENT_UNRESPONSIVE, 'unknown'],
    [errorCodes.XML_ERROR, 'not-applied'],
    [errorCodes.INVALID_MAC, 'not-applied'],
    [errorCodes.CPU_INCOMPATIBLE, 'not-applied'],
    [errorCodes.OPERATION_INVALID, 'not-applied'],
  ])('end with outcome by code %d: %s', async (code, outcome) => {
    daemon.answer('DOMAIN_LOOKUP_BY_ID', (_args, call) => {
      peer.fail(call, code, 'no');
      return unanswered;
    });
    await expect(connection.call('DOMAIN_LOOKUP_BY_ID', { id: 1 })).rejects.toMatchObject({ code, outcome });
  });

  it('with arguments that cannot be written are never sent', async () => {
    await expect(connection.call('DOMAIN_LOOKUP_BY_NAME', { name: 'a\0b' })).rejects.toMatchObject({
      ...{ code: errorCodes.INVALID_ARG, origin: 'client', outcome: 'not-applied' },
    });
    await connection.call('CONNECT_GET_LIB_VERSION', {});
    expect(daemon.calls.map(({ name }) => name)).toEqual(['CONNECT_GET_LIB_VERSION']);
  });

  it('with an unreadable reply end as unknown, and the connection goes on', async () => {
    daemon.answer('DOMAIN_LOOKUP_BY_ID', (_args, { serial }) => {
      peer.send({ program: 0x20008086, procedure: 22, type: 1, serial, status: 0 }, Buffer.alloc(4));
      return unanswered;
    });
    await expect(connection.call('DOMAIN_LOOKUP_BY_ID', { id: 1 })).rejects.toMatchObject({
      ...{ code: errorCodes.RPC, outcome: 'unknown' },
    });
    await expect(connection.call('CONNECT_GET_LIB_VERSION', {})).resolves.toEqual({ lib_ver: 9_000_000 });
  });
});

describe('the limiter', () => {
  beforeEach(() => open());

  it('never has more than four calls in flight and sends the others in order', async () => {
    daemon.answer('DOMAIN_LOOKUP_BY_ID', () => unanswered);
    const outcomes = Array.from({ length: 10 }, (_, id) =>
      connection.call('DOMAIN_LOOKUP_BY_ID', { id }).catch((error: unknown) => error),
    );
    for (let answered = 0; answered < 10; answered += 1) {
      await until(() => daemon.calls.length === Math.min(answered + 4, 10));
      await new Promise(setImmediate);
      expect(daemon.calls).toHaveLength(Math.min(answered + 4, 10));
      peer.fail(received(answered), 42, 'no');
    }
    await Promise.all(outcomes);
    expect(daemon.calls.map(({ args }) => (args as { id: number }).id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('tells a call that timed out in flight from one that never left, and keeps the place of the first', async () => {
    daemon.answer('DOMAIN_LOOKUP_BY_ID', () => unanswered);
    const calls = [1, 2, 3, 4, 5].map((id) => connection.call('DOMAIN_LOOKUP_BY_ID', { id }, { timeoutMs: 5 }));
    const settled = await Promise.allSettled(calls);
    expect(settled.map((result) => (result.status === 'rejected' ? result.reason.outcome : 'none'))).toEqual([
      ...['unknown', 'unknown', 'unknown', 'unknown'],
      'not-applied',
    ]);
    const version = connection.call('CONNECT_GET_LIB_VERSION', {});
    await new Promise(setImmediate);
    expect(daemon.calls).toHaveLength(4);
    peer.fail(received(0), 42, 'late');
    await expect(version).resolves.toEqual({ lib_ver: 9_000_000 });
  });
});

describe('a connection that dies', () => {
  const deaths: [string, () => void][] = [
    ['by a closed socket', () => void peer.socket.end()],
    ['by a broken socket', () => void peer.socket.destroy(new Error('broken'))],
    ['by a frame that is too short', () => void peer.socket.write(Buffer.from([0, 0, 0, 3]))],
    [
      'by a reply that no call asked for',
      () => void peer.send({ program: 0x20008086, procedure: 1, type: 1, serial: 999, status: 0 }, Buffer.alloc(0)),
    ],
    ['by our own close', () => connection.close()],
  ];

  it.each(deaths)('%s settles every call and stream at once', async (_name, die) => {
    await open();
    daemon.answer('DOMAIN_LOOKUP_BY_ID', () => unanswered);
    daemon.answer('STORAGE_VOL_DOWNLOAD', () => ({}));
    const closed = new Promise<Error>((resolve) => (connection.onClose = resolve));
    const { stream } = await connection.openStream('STORAGE_VOL_DOWNLOAD', whole);
    const streamError = new Promise((resolve) => stream.once('error', resolve));
    const calls = [1, 2, 3, 4, 5, 6].map((id) => connection.call('DOMAIN_LOOKUP_BY_ID', { id }));
    const settled = Promise.allSettled(calls);
    await until(() => daemon.calls.length === 5);
    die();
    expect((await settled).map((result) => (result.status === 'rejected' ? result.reason.outcome : ''))).toEqual([
      ...['unknown', 'unknown', 'unknown', 'unknown', 'not-applied', 'not-applied'],
    ]);
    expect(await streamError).toMatchObject({ name: 'LibvirtError', outcome: 'unknown' });
    expect(await closed).toBeInstanceOf(Error);
    await expect(connection.call('CONNECT_GET_LIB_VERSION', {})).rejects.toMatchObject({ outcome: 'not-applied' });
  });
});

describe('keepalive', () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'Date'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const settle = async () => {
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
  };
  const interval = async () => {
    jest.advanceTimersByTime(1000);
    await settle();
  };
  const pings = () => peer.frames.filter(({ program, procedure }) => program === 0x6b656570 && procedure === 1).length;

  it('answers the daemon’s pings', async () => {
    await open();
    peer.keepalive(1);
    await settle();
    expect(peer.frames).toMatchObject([{ program: 0x6b656570, procedure: 2, type: 2, serial: 0, status: 0 }]);
  });

  it('gives up a silent daemon one interval after the third ping', async () => {
    await open({ keepalive: { intervalMs: 1000, count: 3 } });
    const call = connection.call('DOMAIN_LOOKUP_BY_ID', { id: 1 });
    const failure = expect(call).rejects.toMatchObject({ code: 3 });
    await failure;
    daemon.answer('DOMAIN_LOOKUP_BY_ID', () => unanswered);
    const hanging = connection.call('DOMAIN_LOOKUP_BY_ID', { id: 1 });
    const rejected = expect(hanging).rejects.toMatchObject({ code: errorCodes.RPC, outcome: 'unknown' });
    await interval();
    for (let ping = 1; ping <= 3; ping += 1) {
      await interval();
      expect(pings()).toBe(ping);
      expect(connection.isClosed).toBe(false);
    }
    await interval();
    expect(connection.isClosed).toBe(true);
    await rejected;
  });

  it('keeps a daemon that answers its pings', async () => {
    await open({ keepalive: { intervalMs: 1000, count: 3 } });
    for (let tick = 0; tick < 10; tick += 1) {
      const before = pings();
      await interval();
      if (pings() > before) peer.keepalive(2);
      await settle();
    }
    expect(connection.isClosed).toBe(false);
    expect(pings()).toBeGreaterThan(3);
  });
});

describe('streams', () => {
  beforeEach(async () => {
    await open();
    daemon.answer('STORAGE_VOL_DOWNLOAD', () => ({}));
    daemon.answer('STORAGE_VOL_UPLOAD', () => ({}));
  });

  const streamFrames = () => peer.frames.filter(({ type }) => type === messageTypes.stream);

  it('download until an empty packet, answer it, and end when the daemon confirms', async () => {
    const { stream } = await connection.openStream('STORAGE_VOL_DOWNLOAD', whole);
    const call = received(0);
    peer.stream(call, statuses.continue, Buffer.from('ab'));
    peer.stream(call, statuses.continue, Buffer.from('cd'));
    peer.stream(call, statuses.continue);
    await until(() => streamFrames().length === 1);
    expect(streamFrames()).toMatchObject([{ serial: call.serial, procedure: 209, status: statuses.ok }]);
    let hasEnded = false;
    stream.once('end', () => (hasEnded = true));
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    await new Promise(setImmediate);
    expect(hasEnded).toBe(false);
    peer.stream(call, statuses.ok);
    await until(() => hasEnded);
    expect(Buffer.concat(chunks).toString()).toBe('abcd');
  });

  it('keep data that the daemon sends before the reply which opens them', async () => {
    daemon.answer('STORAGE_VOL_DOWNLOAD', () => unanswered);
    const opening = connection.openStream('STORAGE_VOL_DOWNLOAD', whole);
    await until(() => daemon.calls.length === 1);
    const call = received(0);
    peer.stream(call, statuses.continue, Buffer.from('early'));
    peer.stream(call, statuses.continue);
    peer.reply(call, {});
    const { stream } = await opening;
    peer.stream(call, statuses.ok);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toBe('early');
  });

  it('upload in packets the daemon takes, and finish when it confirms', async () => {
    const { stream } = await connection.openStream('STORAGE_VOL_UPLOAD', whole);
    const call = received(0);
    let hasFinished = false;
    stream.end(Buffer.alloc(600_000, 1), () => (hasFinished = true));
    await until(() => streamFrames().some(({ status }) => status === statuses.ok));
    expect(streamFrames().map(({ payload, status }) => [payload.length, status])).toEqual([
      [262_120, statuses.continue],
      [262_120, statuses.continue],
      [75_760, statuses.continue],
      [0, statuses.ok],
    ]);
    await new Promise(setImmediate);
    expect(hasFinished).toBe(false);
    peer.stream(call, statuses.ok);
    await until(() => hasFinished);
  });

  it('stop reading the socket while the data is not taken', async () => {
    const { stream } = await connection.openStream('STORAGE_VOL_DOWNLOAD', whole);
    const call = received(0);
    let sent = 0;
    while (sent < 100 && peer.stream(call, statuses.continue, Buffer.alloc(262_120))) {
      sent += 1;
      await new Promise(setImmediate);
    }
    expect(sent).toBeLessThan(100);
    let taken = 0;
    stream.on('data', (chunk: Buffer) => (taken += chunk.length));
    await until(() => taken === (sent + 1) * 262_120);
    peer.stream(call, statuses.ok);
    await new Promise((resolve) => stream.once('close', resolve));
  });

  it('are aborted by who leaves the loop early, and the connection goes on', async () => {
    const { stream } = await connection.openStream('STORAGE_VOL_DOWNLOAD', whole);
    const call = received(0);
    peer.stream(call, statuses.continue, Buffer.from('ab'));
    for await (const chunk of stream) {
      expect(String(chunk)).toBe('ab');
      break;
    }
    await until(() => streamFrames().length === 1);
    expect(streamFrames()).toMatchObject([{ status: statuses.error, payload: { length: 0 } }]);
    peer.stream(call, statuses.continue, Buffer.from('on its way'));
    peer.stream(call, statuses.ok);
    await expect(connection.call('CONNECT_GET_LIB_VERSION', {})).resolves.toBeDefined();
  });

  it('fail with the daemon’s error', async () => {
    const { stream } = await connection.openStream('STORAGE_VOL_UPLOAD', whole);
    const failed = new Promise((resolve) => stream.once('error', resolve));
    stream.write('x');
    peer.fail(received(0), errorCodes.SYSTEM_ERROR, 'no space left', messageTypes.stream);
    expect(await failed).toMatchObject({ code: errorCodes.SYSTEM_ERROR, procedure: 'STORAGE_VOL_UPLOAD' });
    expect(streamFrames().map(({ status }) => status)).not.toContain(statuses.error);
  });

  it('that open after their caller gave up are aborted', async () => {
    daemon.answer('STORAGE_VOL_DOWNLOAD', () => unanswered);
    await expect(connection.openStream('STORAGE_VOL_DOWNLOAD', whole, { timeoutMs: 1 })).rejects.toMatchObject({
      outcome: 'unknown',
    });
    peer.reply(received(0), {});
    await until(() => streamFrames().some(({ status }) => status === statuses.error));
  });
});
