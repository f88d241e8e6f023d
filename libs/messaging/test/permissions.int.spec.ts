import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  hostIdSchema,
  inboxOfHost,
  inboxOfService,
  serviceNames,
  streamKinds,
  subjectsUnder,
  type ServiceName,
} from '@drover/contracts';
import { createMemoryEventStore } from '@drover/event-store';
import { anEvent } from '@drover/event-store/testing';
import { createMetrics, silentLogger } from '@drover/observability';
import { runRelay } from '../src/relay/event.relay.js';
import { answered, type Messaging } from '../src/bus/messaging.port.js';
import { connectMessaging, type NatsMessaging } from '../src/bus/nats-messaging.adapter.js';
import {
  EVENT_RELAY,
  eventRelayPermissions,
  hostPermissions,
  servicePermissions,
  type NatsPermissions,
} from '../src/permissions/permissions.js';
import { NatsWithCredentials } from './nats-with-credentials.fixture.js';

const subjects = subjectsUnder('drover');
const hostA = hostIdSchema.parse('00000000-0000-4000-8000-00000000000a');
const hostB = hostIdSchema.parse('00000000-0000-4000-8000-00000000000b');

describe('credentials in operator mode', () => {
  let credentials: NatsWithCredentials;
  /** A host that tries what it may not, over one connection. */
  let confined: NatsMessaging | undefined;

  beforeAll(async () => {
    credentials = await NatsWithCredentials.start();
  });
  afterAll(() => credentials.stop());

  const connect = (name: string, permissions: NatsPermissions) => credentials.connect(name, permissions);
  const connectService = (name: ServiceName) => connect(name, servicePermissions(name, subjects));
  const connectHost = (hostId: typeof hostA) => connect(`host-${hostId}`, hostPermissions(hostId, subjects));

  async function expectAnswer(from: Messaging, to: Messaging, subject: string, pattern = subject): Promise<void> {
    const subscription = to.respond(pattern, (message) => answered(message.subject));
    await to.flush();
    expect(await from.request(subject, {}, { ttlMs: 5000 })).toEqual(answered(subject));
    await subscription.stop();
  }

  async function expectHeard(from: Messaging, to: Messaging, subject: string, pattern = subject): Promise<void> {
    const heard = Promise.withResolvers<unknown>();
    const subscription = to.subscribe(pattern, ({ payload }) => heard.resolve(payload));
    await to.flush();
    from.publish(subject, 'x');
    expect(await heard.promise).toBe('x');
    await subscription.stop();
  }

  /** The server's own word: an error that names the subject, for what was published or subscribed. */
  async function expectRefused(who: NatsMessaging, action: 'publish' | 'subscribe', subject: string): Promise<void> {
    const refused = (async () => {
      for await (const status of who.connection.status()) {
        if (status.type === 'error') return status.error.message;
      }
      return 'nothing';
    })();
    if (action === 'publish') who.connection.publish(subject, '{}');
    else who.connection.subscribe(subject, { callback: () => undefined });
    // The server answers in order: whatever it has to say about the above stands before its answer to this.
    await who.connection.flush();
    const message = await Promise.race([
      refused,
      new Promise<string>((resolve) => setImmediate(() => setImmediate(() => resolve('it was allowed')))),
    ]);
    expect(`${action} ${subject}: ${message}`).toContain('Permissions Violation');
    expect(message).toContain(`"${subject}"`);
  }

  it('let an answer through to an asker who asked again meanwhile', async () => {
    const gateway = await connectService('api-gateway');
    const vmManager = await connectService('vm-manager');
    const subject = subjects.command('vm', 'create');
    // Both copies are with the owner before he answers.
    let copies = 0;
    const asked = Promise.withResolvers<void>();
    vmManager.connection.subscribe(subject, { callback: () => void ((copies += 1) === 2 && asked.resolve()) });
    vmManager.respond(subject, async (message) => {
      await asked.promise;
      return answered(message.subject);
    });
    await vmManager.flush();
    expect(await gateway.request(subject, {}, { ttlMs: 20_000, retry: 'until-ttl' })).toEqual(answered(subject));
    expect(copies).toBe(2);
  });

  it('let commands through to the one owner of their kind', async () => {
    const gateway = await connectService('api-gateway');
    const vmManager = await connectService('vm-manager');
    const haManager = await connectService('ha-manager');
    const scheduler = await connectService('scheduler');
    const drs = await connectService('drs');
    const owners = new Map<string, NatsMessaging>([
      ['vm-manager', vmManager],
      ['ha-manager', haManager],
    ]);
    for (const { name, owner, commands } of streamKinds) {
      const messaging = owners.get(owner);
      if (messaging === undefined) throw new Error(`connect ${owner}, which owns ${name}`);
      for (const verb of Object.keys(commands)) {
        await expectAnswer(gateway, messaging, subjects.command(name, verb));
      }
    }
    await expectRefused(haManager, 'publish', subjects.command('vm', 'delete'));
    await expectAnswer(drs, vmManager, subjects.command('vm', 'migrate'));
    await expectAnswer(vmManager, scheduler, subjects.query('placement', 'place'));
    await expectAnswer(gateway, scheduler, subjects.query('placement', 'explain'));
    await expectAnswer(gateway, vmManager, subjects.query('vm-manager', 'health'));
  });

  it('let hosts and services speak on the subjects of each host', async () => {
    const host = await connectHost(hostA);
    const vmManager = await connectService('vm-manager');
    const haManager = await connectService('ha-manager');
    const drs = await connectService('drs');
    const gateway = await connectService('api-gateway');
    const guestBridge = await connectService('guest-bridge');
    await expectAnswer(vmManager, host, subjects.hostOrder(hostA));
    await expectAnswer(host, vmManager, subjects.hostReport(hostA, 'vm'), subjects.hostReport('*', 'vm'));
    await expectAnswer(host, haManager, subjects.hostReport(hostA, 'host'), subjects.hostReport('*', 'host'));
    await expectAnswer(host, haManager, subjects.hostHeartbeat(hostA), subjects.hostHeartbeat('*'));
    await expectAnswer(guestBridge, host, `drover.host.${hostA}.guest`);
    await expectHeard(host, drs, subjects.hostLoad(hostA), subjects.hostLoad('*'));
    await expectHeard(host, gateway, subjects.hostProgress(hostA), subjects.hostProgress('*'));
    await expectHeard(host, gateway, `drover.host.${hostA}.stream.up.c1`, 'drover.host.*.stream.up.>');
    await expectHeard(gateway, host, `drover.host.${hostA}.stream.down.c1`);
  });

  it('let the relay alone publish events, and empty their stream of another history', async () => {
    const messaging = await connect(EVENT_RELAY, eventRelayPermissions(subjects));
    for (const history of ['vm-a', 'vm-b']) {
      const store = createMemoryEventStore();
      await store.append(history, 'no-stream', [anEvent()]);
      const relay = runRelay({
        store,
        messaging,
        holds: () => true,
        logger: silentLogger,
        metrics: createMetrics(),
        maxBytes: 64 * 1024 * 1024,
      });
      const head = await store.head();
      for (const deadline = performance.now() + 10_000; relay.position !== head && performance.now() < deadline;) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await relay.stop();
      expect(relay.position).toBe(head);
    }
    await expectRefused(messaging, 'publish', '$JS.API.STREAM.DELETE.EVENTS');
    for (const name of serviceNames) {
      const service = await connectService(name);
      await expectRefused(service, 'publish', 'drover.event.default.vm.a.VmStarted');
      await expectRefused(service, 'publish', '$JS.API.STREAM.PURGE.EVENTS');
    }
  });

  it.each([
    ['the command subject of another host', 'publish', subjects.hostOrder(hostB)],
    ['its own command subject, as a sender', 'publish', subjects.hostOrder(hostA)],
    ['the report of another host', 'publish', subjects.hostReport(hostB, 'vm')],
    ['the heartbeat of another host', 'publish', subjects.hostHeartbeat(hostB)],
    ['the load of another host', 'publish', subjects.hostLoad(hostB)],
    ['a command to a service', 'publish', subjects.command('vm', 'create')],
    ['a query', 'publish', subjects.query('placement', 'place')],
    ['an event', 'publish', 'drover.event.default.vm.a.VmStarted'],
    ['the JetStream API', 'publish', '$JS.API.STREAM.LIST'],
    ['a message of the events', 'publish', '$JS.API.STREAM.MSG.GET.EVENTS'],
    ['the end of the events', 'publish', '$JS.API.STREAM.PURGE.EVENTS'],
    ['the inbox of a service', 'publish', `${inboxOfService('vm-manager')}.x.1`],
    ['the system', 'publish', '$SYS.REQ.SERVER.PING'],
    ['the commands of another host', 'subscribe', subjects.hostOrder(hostB)],
    ['the commands of all hosts', 'subscribe', subjects.hostOrder('*')],
    ['the reports of all hosts', 'subscribe', subjects.hostReport('*', 'vm')],
    ['commands to services', 'subscribe', 'drover.command.>'],
    ['events', 'subscribe', subjects.allEvents],
    ['the inbox of a service', 'subscribe', `${inboxOfService('vm-manager')}.>`],
    ['the inbox of another host', 'subscribe', `${inboxOfHost(hostB)}.>`],
    ['every inbox', 'subscribe', '_INBOX.>'],
    ['everything', 'subscribe', '>'],
    ['everything of the fleet', 'subscribe', 'drover.>'],
  ] as const)('refuse a host %s (%s)', async (_what, action, subject) => {
    confined ??= await connectHost(hostA);
    await expectRefused(confined, action, subject);
  });

  it('tell a host that asks where it may not that nothing was done', async () => {
    const host = await connectHost(hostA);
    const request = host.request(subjects.command('vm', 'create'), {}, { ttlMs: 60_000, retry: 'until-ttl' });
    await expect(request).rejects.toMatchObject({ code: 'INTERNAL', outcome: 'not-applied' });
  });

  it('refuse to connect without credentials, and say so', async () => {
    const deadLetters = { keep: async () => undefined };
    const connecting = connectMessaging({ name: 'x', servers: credentials.url, logger: silentLogger, deadLetters });
    await expect(connecting).rejects.toThrow('NATS refuses the credentials of x');
  });
});
