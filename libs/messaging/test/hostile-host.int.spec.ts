/** A host that was taken over, with its own real credentials, and what it costs the others: nothing. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import {
  ADMINISTRATOR_INBOX,
  hostIdSchema,
  inboxOfHost,
  inboxOfService,
  subjectsUnder,
  type ServiceName,
} from '@drover/contracts';
import { createMetrics, type Metrics } from '@drover/observability';
import type { RawNatsClient } from '@drover/testing';
import type { RefusalReason } from '../src/bus/refusals.js';
import { answered, type DeadLetter } from '../src/bus/messaging.port.js';
import type { NatsMessaging } from '../src/bus/nats-messaging.adapter.js';
import { hostPermissions, servicePermissions, type NatsPermissions } from '../src/permissions/permissions.js';
import { NatsWithCredentials } from './nats-with-credentials.fixture.js';

const subjects = subjectsUnder('drover');
const hostA = hostIdSchema.parse('00000000-0000-4000-8000-00000000000a');
const hostB = hostIdSchema.parse('00000000-0000-4000-8000-00000000000b');
const ofHostA = hostPermissions(hostA, subjects);
const administrator: NatsPermissions = {
  account: 'fleet',
  publish: ['>'],
  subscribe: ['>'],
  inboxPrefix: ADMINISTRATOR_INBOX,
  allowResponses: true,
};

describe('a hostile host', () => {
  let nats: NatsWithCredentials;
  let hostile: RawNatsClient;
  let honest: NatsMessaging;
  let watcher: NatsMessaging;
  let metrics: Metrics;
  let deadLetters: DeadLetter[];
  /** Messages that the services worked on, by subject. */
  let worked: string[];
  /** What went over the bus, but to JetStream and the inboxes of the watcher. */
  let seen: string[];

  const connectService = (name: ServiceName) =>
    nats.connect(name, servicePermissions(name, subjects), { metrics, deadLetters });

  const refused = (reason: RefusalReason, pattern: string) =>
    metrics.counter('drover_messages_refused_total').value({ pattern, reason });

  beforeAll(async () => {
    nats = await NatsWithCredentials.start();
  });
  afterAll(() => nats.stop());

  beforeEach(async () => {
    metrics = createMetrics();
    deadLetters = [];
    worked = [];
    seen = [];
    hostile = await nats.connectRaw(`host-${hostA}`, ofHostA);
    honest = await nats.connect(`host-${hostB}`, hostPermissions(hostB, subjects));
    watcher = await nats.connect('administrator', administrator);
    watcher.connection.subscribe('>', { callback: (_error, { subject }) => void seen.push(subject) });
    await watcher.flush();
  });
  afterEach(() => nats.disconnect());

  /** Every question of a host, each to the service that answers it, which answers with its subject. */
  const questions = [
    ['heartbeat', 'ha-manager'],
    ['report.host', 'ha-manager'],
    ['report.vm', 'vm-manager'],
  ] as const;

  async function answerAll(): Promise<void> {
    const services = {
      'ha-manager': await connectService('ha-manager'),
      'vm-manager': await connectService('vm-manager'),
    };
    for (const [question, name] of questions) {
      services[name].respond(`drover.host.*.${question}`, ({ subject }) => {
        worked.push(subject);
        return answered(subject);
      });
      await services[name].flush();
    }
  }

  /** All questions of the host that does nothing wrong. */
  async function expectHonestAnswers(): Promise<void> {
    for (const [question] of questions) {
      const subject = `drover.host.${hostB}.${question}`;
      expect(await honest.request(subject, {}, { ttlMs: 5_000 })).toEqual(answered(subject));
    }
  }

  it('cannot give itself leave to publish: nothing that it may send comes back to it', async () => {
    const foreign = [
      subjects.hostOrder(hostB),
      subjects.hostReport(hostB, 'vm'),
      subjects.command('vm', 'delete'),
      '$JS.API.STREAM.MSG.GET.EVENTS',
    ];
    const heard = ofHostA.subscribe.map((pattern) => pattern.replace('>', 'x'));
    for (const pattern of ofHostA.subscribe) hostile.subscribe(pattern);
    const sendable = ofHostA.publish.map((pattern) => pattern.replace('>', 'x'));
    for (const subject of [...heard, ...sendable])
      for (const replyTo of foreign) hostile.publish(subject, 'x', replyTo);
    await hostile.flush();
    const before = hostile.errors.length;
    expect(before).toBe(heard.length * foreign.length);
    for (const subject of foreign) hostile.publish(subject, '{}');
    await hostile.flush();
    expect(hostile.errors.slice(before)).toEqual(
      foreign.map((subject) => `'Permissions Violation for Publish to "${subject}"'`),
    );
    await watcher.flush();
    expect(seen.filter((subject) => foreign.includes(subject))).toEqual([]);
  });

  it('is answered in its own inbox alone', async () => {
    await answerAll();
    const ofEvents = await nats.connect('administrator', { ...administrator, account: 'events' });
    const manager = await jetstreamManager(ofEvents.connection, { checkAPI: false });
    await manager.streams.add({ name: 'EVENTS', subjects: [subjects.allEvents] });
    ofEvents.publish('drover.event.default.vm.a.VmStarted', {});
    await ofEvents.flush();
    const foreign = [
      '$JS.API.STREAM.PURGE.EVENTS',
      '$JS.API.STREAM.DELETE.EVENTS',
      'drover.event.default.vm.x.Forged',
      subjects.hostOrder(hostB),
      subjects.command('vm', 'delete'),
      `${inboxOfHost(hostB)}.x`,
      `${inboxOfService('api-gateway')}.x`,
      `${inboxOfService('vm-manager')}.x`,
      `${ADMINISTRATOR_INBOX}.x`,
      inboxOfHost(hostA),
    ];
    seen.length = 0;
    for (const [question] of questions) {
      for (const replyTo of foreign) hostile.publish(`drover.host.${hostA}.${question}`, '{}', replyTo);
    }
    await hostile.flush();
    await expectHonestAnswers();
    await watcher.flush();
    for (const [question] of questions) {
      expect(refused('foreign-inbox', `drover.host.*.${question}`)).toBe(foreign.length);
    }
    expect(worked.filter((subject) => subject.includes(hostA))).toEqual([]);
    expect(seen.filter((subject) => foreign.includes(subject))).toEqual([]);
    expect((await manager.streams.info('EVENTS')).state.messages).toBe(1);
  });

  it('ends nothing and delays no host with malformed or huge blocks of headers', async () => {
    await answerAll();
    const gateway = await connectService('api-gateway');
    const heard: string[] = [];
    gateway.subscribe('drover.host.*.progress', ({ subject }) => void heard.push(subject));
    gateway.subscribe('drover.host.*.load', ({ subject }) => void heard.push(subject));
    await gateway.flush();
    const many = Array.from({ length: 60_000 }, (_, index) => `h${index.toString(36)}:1\r\n`).join('');
    const blocks = [
      'NATS/1.0\r\nbad name: x\r\n\r\n',
      'NATS/1.0\r\nvalue: lone\rCR\r\n\r\n',
      'NATS/1.0\r\nno colon\r\n\r\n',
      'nonsense\r\n\r\n',
      'NATS/1.0 abc\r\n\r\n',
      '\xff\xfe\r\n\r\n',
      `NATS/1.0\r\n${many}\r\n`,
      `NATS/1.0\r\nlong: ${'x'.repeat(500_000)}\r\n\r\n`,
    ];
    const lanes = [...questions.map(([question]) => question), 'progress', 'load'];
    for (const lane of lanes) {
      for (const block of blocks) {
        for (const payload of ['', '{}']) {
          hostile.publishWithHeaders(`drover.host.${hostA}.${lane}`, block, payload, `${inboxOfHost(hostA)}.x`);
        }
      }
    }
    await hostile.flush();
    expect(hostile.errors).toEqual([]);
    await expectHonestAnswers();
    honest.publish(subjects.hostProgress(hostB), {});
    honest.publish(subjects.hostLoad(hostB), {});
    await honest.flush();
    await gateway.flush();
    expect(heard.filter((subject) => subject.includes(hostB))).toEqual([
      subjects.hostProgress(hostB),
      subjects.hostLoad(hostB),
    ]);
    for (const lane of lanes) expect(refused('headers-too-large', `drover.host.*.${lane}`)).toBe(4);
    expect(deadLetters.length).toBeGreaterThan(0);
    expect(deadLetters.every(({ subject }) => subject.startsWith(`drover.host.${hostA}.`))).toBe(true);
  });

  it('holds up no host with a reply subject that is no text', async () => {
    await answerAll();
    const line = Buffer.concat([
      Buffer.from(`PUB drover.host.${hostA}.heartbeat `),
      Buffer.alloc(1000, 0xff),
      Buffer.from(' 2\r\n{}\r\n'),
    ]);
    hostile.write(line);
    await hostile.flush();
    await expectHonestAnswers();
    expect(refused('foreign-inbox', 'drover.host.*.heartbeat')).toBe(1);
  });

  it('delays no host with a flood of every kind of message, and has little of it worked on', async () => {
    const haManager = await connectService('ha-manager');
    const vmManager = await connectService('vm-manager');
    const release = Promise.withResolvers<void>();
    for (const [question, name] of questions) {
      const service = name === 'ha-manager' ? haManager : vmManager;
      service.respond(`drover.host.*.${question}`, async ({ subject }) => {
        worked.push(subject);
        if (subject.includes(hostA)) await release.promise;
        return answered(subject);
      });
    }
    await haManager.flush();
    await vmManager.flush();
    const large = JSON.stringify('x'.repeat(100_000));
    for (let count = 0; count < 300; count += 1) {
      for (const [question] of questions) {
        hostile.publish(`drover.host.${hostA}.${question}`, large, `${inboxOfHost(hostA)}.${count}`);
        hostile.publish(`drover.host.${hostA}.${question}`, '{', '');
      }
    }
    await hostile.flush();
    await expectHonestAnswers();
    for (const [question] of questions) {
      expect(worked.filter((subject) => subject === `drover.host.${hostA}.${question}`)).toHaveLength(1);
      expect(refused('lane-full', `drover.host.*.${question}`)).toBe(596);
    }
    release.resolve();
  });

  it('can spoil the answer to its own command, and no other', async () => {
    const vmManager = await connectService('vm-manager');
    const agent = await nats.connect(`host-${hostA}`, ofHostA);
    const blocks = ['NATS/1.0\r\nbad name: x\r\n\r\n', 'NATS/1.0 503\r\nbad name: x\r\n\r\n'];
    agent.connection.subscribe(subjects.hostOrder(hostA), {
      callback: (_error, { reply = '' }) => {
        // Its leave to answer is of this connection, which writes what it likes.
        const { protocol } = agent.connection as unknown as { protocol: { sendCommand(...parts: unknown[]): void } };
        const block = blocks.shift() ?? 'NATS/1.0\r\n\r\n';
        protocol.sendCommand(
          `HPUB ${reply} ${block.length} ${block.length}\r\n`,
          Buffer.from(block),
          Buffer.from('\r\n'),
        );
      },
    });
    honest.respond(subjects.hostOrder(hostB), () => answered('taken'));
    await agent.flush();
    await honest.flush();
    for (let count = 0; count < 3; count += 1) {
      await expect(vmManager.request(subjects.hostOrder(hostA), {}, { ttlMs: 5_000 })).rejects.toMatchObject({
        code: 'UNREADABLE_MESSAGE',
        outcome: 'unknown',
      });
      expect(await vmManager.request(subjects.hostOrder(hostB), {}, { ttlMs: 5_000 })).toEqual(answered('taken'));
    }
  });

  it('has a bounded number of subscriptions', async () => {
    for (let count = 0; count < 100; count += 1) hostile.subscribe(`drover.host.${hostA}.stream.down.${count}`);
    await hostile.flush();
    expect(hostile.errors).toHaveLength(100 - 32);
    expect(new Set(hostile.errors)).toEqual(new Set(["'maximum subscriptions exceeded'"]));
  });
});

describe('an agent', () => {
  it('answers in the inbox of vm-manager, guest-bridge or an administrator alone', async () => {
    const nats = await NatsWithCredentials.start();
    const metrics = createMetrics();
    const agent = await nats.connect(`host-${hostA}`, ofHostA, { metrics });
    const commands: string[] = [];
    agent.respond(subjects.hostOrder(hostA), ({ payload }) => {
      commands.push(String(payload));
      return answered('taken');
    });
    await agent.flush();
    const person = await nats.connect('administrator', administrator);
    for (const replyTo of ['$JS.API.INFO', subjects.hostReport(hostA, 'vm'), `${inboxOfService('api-gateway')}.x`]) {
      person.connection.publish(subjects.hostOrder(hostA), '"forged"', { reply: replyTo });
    }
    const vmManager = await nats.connect('vm-manager', servicePermissions('vm-manager', subjects));
    await person.flush();
    expect(await vmManager.request(subjects.hostOrder(hostA), 'ours', { ttlMs: 5_000 })).toEqual(answered('taken'));
    expect(await person.request(subjects.hostOrder(hostA), 'by hand', { ttlMs: 5_000 })).toEqual(answered('taken'));
    expect(commands).toEqual(['ours', 'by hand']);
    await nats.stop();
  });
});
