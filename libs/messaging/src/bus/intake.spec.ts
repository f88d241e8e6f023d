import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { inboxOfHost, inboxOfService, messageHeaders, subjectsUnder, type HostId } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { createLogger, createMetrics, silentLogger, type Metrics } from '@drover/observability';
import { Inbound } from './inbound.handler.js';
import { Intake, type Taking, type Work } from './intake.js';
import { answered } from './messaging.port.js';
import { Refusals, type RefusalReason } from './refusals.js';
import type { Frame, Wire } from '../wire/wire.port.js';

const subjects = subjectsUnder('drover');
const hostA = 'a' as HostId;
const hostB = 'b' as HostId;
const heartbeats = subjects.hostHeartbeat('*');
const largePayload = new Uint8Array(1024 * 1024);

let nowMs = 0;
let asked = 0;
const clock: Clock = { monotonicMs: () => nowMs, epochMs: () => 0 };

function frameOf(subject: string, changes: Partial<Frame> & { headers?: Record<string, string> } = {}): Frame {
  const { headers = {}, ...rest } = changes;
  asked += 1;
  const hostId = subject.split('.')[2] as HostId;
  return {
    subject,
    payload: Buffer.from('{}'),
    replyTo: `${inboxOfHost(hostId)}.${asked}`,
    headerBytes: 100,
    readHeaders: () => ({ isNoResponders: false, get: (name) => headers[name] }),
    ...rest,
  };
}

describe('what a connection takes in', () => {
  let metrics: Metrics;
  let intake: Intake;
  let held: { readonly frame: Frame; end(): void }[];

  const work: Work = (frame) => new Promise((end) => void held.push({ frame, end }));
  const refused = (reason: RefusalReason, pattern = heartbeats) =>
    metrics.counter('drover_messages_refused_total').value({ pattern, reason });
  const subjectsInWork = () => held.map(({ frame }) => frame.subject);
  const endAll = async () => {
    for (const { end } of held.splice(0)) end();
    await jest.advanceTimersByTimeAsync(0);
  };

  beforeEach(() => {
    jest.useFakeTimers();
    nowMs = 0;
    held = [];
    metrics = createMetrics();
    const refusals = new Refusals(silentLogger, metrics, clock);
    intake = new Intake({ subjects, clock, logger: silentLogger, refusals });
  });
  afterEach(() => void jest.useRealTimers());

  it('works on one message of a host at a time, keeps three, and drops the rest of a flood', async () => {
    const taking = intake.open(heartbeats, true, work);
    for (let count = 0; count < 1000; count += 1) taking.take(frameOf(subjects.hostHeartbeat(hostA)));
    expect(held).toHaveLength(1);
    expect(refused('lane-full')).toBe(996);
    let worked = 0;
    while (held.length > 0) {
      worked += held.length;
      await endAll();
    }
    expect(worked).toBe(4);
    await taking.idle();
  });

  it('lets the flood of one host cost another nothing', () => {
    const taking = intake.open(heartbeats, true, work);
    for (let count = 0; count < 1000; count += 1) taking.take(frameOf(subjects.hostHeartbeat(hostA)));
    taking.take(frameOf(subjects.hostHeartbeat(hostB)));
    expect(subjectsInWork()).toEqual([subjects.hostHeartbeat(hostA), subjects.hostHeartbeat(hostB)]);
  });

  it('works on the messages of a host at a bounded pace', async () => {
    const taking = intake.open(heartbeats, true, work);
    let worked = 0;
    for (let passedMs = 0; passedMs < 10_000; passedMs += 1) {
      nowMs = passedMs;
      taking.take(frameOf(subjects.hostHeartbeat(hostA)));
      worked += held.length;
      await endAll();
      await jest.advanceTimersByTimeAsync(1);
    }
    expect(worked).toBeGreaterThan(2000);
    expect(worked).toBeLessThan(2500);
    expect(refused('lane-full')).toBeGreaterThan(7000);
  });

  it('works on the bytes of a host at a bounded pace', async () => {
    const taking = intake.open(heartbeats, true, work);
    let worked = 0;
    for (let passedMs = 0; passedMs < 10_000; passedMs += 10) {
      nowMs = passedMs;
      taking.take(frameOf(subjects.hostHeartbeat(hostA), { payload: largePayload }));
      worked += held.length;
      await endAll();
      await jest.advanceTimersByTimeAsync(10);
    }
    expect(worked).toBeGreaterThan(20);
    expect(worked).toBeLessThan(35);
  });

  it('holds a bounded number of bytes of all hosts together, and takes more when they have been worked on', async () => {
    const taking = intake.open(heartbeats, true, work);
    const flood = () => {
      for (let host = 0; host < 500; host += 1) {
        taking.take(frameOf(`drover.host.${host}.heartbeat`, { payload: largePayload }));
      }
    };
    flood();
    expect(held).toHaveLength(63);
    expect(refused('bus-full')).toBe(437);
    await endAll();
    flood();
    expect(held).toHaveLength(63);
  });

  it('takes commands of services when hosts have filled their part', () => {
    const reports = intake.open(heartbeats, true, work);
    for (let host = 0; host < 500; host += 1) {
      reports.take(frameOf(`drover.host.${host}.heartbeat`, { payload: largePayload }));
    }
    held = [];
    const commands = intake.open('drover.command.vm.create', true, work);
    for (let count = 0; count < 100; count += 1) {
      commands.take(frameOf('drover.command.vm.create', { replyTo: `${inboxOfService('api-gateway')}.${count}` }));
    }
    expect(held).toHaveLength(100);
  });

  it('drops a message whose answer is to go to a foreign subject, before anything of it is read', () => {
    const taking = intake.open(heartbeats, true, work);
    const replyTo = '$JS.API.STREAM.PURGE.EVENTS';
    taking.take(frameOf(subjects.hostHeartbeat(hostA), { replyTo }));
    taking.take(frameOf(subjects.hostHeartbeat(hostA), { replyTo: `${inboxOfHost(hostB)}.1` }));
    expect(held).toEqual([]);
    expect(refused('foreign-inbox')).toBe(2);
  });

  it('drops a message whose headers are too large, before they are decoded', () => {
    const taking = intake.open(heartbeats, true, work);
    const readHeaders = jest.fn<Frame['readHeaders']>();
    taking.take(frameOf(subjects.hostHeartbeat(hostA), { headerBytes: 4097, readHeaders }));
    expect(readHeaders).not.toHaveBeenCalled();
    expect(refused('headers-too-large')).toBe(1);
  });
});

describe('a message that is worked on', () => {
  const told: unknown[] = [];
  const kept: unknown[] = [];
  const wire = {
    isConnected: true,
    maxPayloadBytes: largePayload.byteLength,
    send: (_subject: string, payload: Uint8Array) => void told.push(JSON.parse(Buffer.from(payload).toString())),
  } as unknown as Wire;
  let lines: string[];
  let metrics: Metrics;
  let inbound: Inbound;
  let taking: Taking;
  const handled: unknown[] = [];

  beforeEach(() => {
    nowMs = 0;
    for (const list of [told, kept, handled]) list.length = 0;
    lines = [];
    metrics = createMetrics();
    const logger = createLogger('spec', { destination: { write: (line: string) => void lines.push(line) } });
    const refusals = new Refusals(logger, metrics, clock);
    const deadLetters = { keep: async (letter: unknown) => void kept.push(letter) };
    inbound = new Inbound(wire, { name: 'spec', subjects, logger, metrics, deadLetters, clock, refusals });
    const handler = (message: unknown) => {
      handled.push(message);
      return answered(1);
    };
    taking = new Intake({ subjects, clock, logger, refusals }).open(heartbeats, true, (frame, receivedAtMs) =>
      inbound.request(heartbeats, frame, receivedAtMs, handler),
    );
  });

  const malformed = (): Frame =>
    frameOf(subjects.hostHeartbeat(hostA), {
      readHeaders: () => {
        throw new Error('invalid header');
      },
    });

  it('is kept as a dead letter when its headers are malformed, and ends nothing', async () => {
    taking.take(malformed());
    await taking.idle();
    taking.take(frameOf(subjects.hostHeartbeat(hostA)));
    await taking.idle();
    expect(kept).toMatchObject([{ reason: 'not readable: its headers are malformed' }]);
    expect(told).toMatchObject([{ ok: false, error: { code: 'UNREADABLE_MESSAGE' } }, { ok: true }]);
    expect(metrics.text()).toContain('drover_messages_unreadable_total');
  });

  it('is kept also where no asker waits for an answer', async () => {
    await inbound.message(heartbeats, malformed(), 0, () => undefined);
    expect(kept).toHaveLength(1);
  });

  it('tells the log a host’s failures once in a while, and how many were left out', async () => {
    for (let count = 0; count < 3; count += 1) {
      taking.take(malformed());
      await taking.idle();
    }
    nowMs = 10_000;
    taking.take(malformed());
    await taking.idle();
    expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
      { message: 'kept an unreadable message' },
      { message: 'kept an unreadable message', leftOut: 2 },
    ]);
  });

  it('is not worked on when its time to live passed while it waited', async () => {
    const frame = frameOf(subjects.hostHeartbeat(hostA), { headers: { [messageHeaders.ttlMs]: '500' } });
    nowMs = 501;
    await inbound.request(heartbeats, frame, 0, () => {
      throw new Error('it was worked on');
    });
    expect(told).toEqual([]);
    expect(metrics.text()).toContain('reason="expired"');
    nowMs = 500;
    await inbound.request(heartbeats, frame, 0, () => answered(2));
    expect(told).toMatchObject([{ ok: true, value: 2 }]);
  });
});
