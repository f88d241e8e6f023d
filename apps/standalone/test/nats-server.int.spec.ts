import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, credsAuthenticator } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { inboxOfService, subjectsUnder } from '@drover/contracts';
import type { HostId } from '@drover/contracts';
import {
  administratorPermissions,
  createNatsAuthority,
  EVENT_RELAY,
  eventReaderPermissions,
  eventRelayPermissions,
  freePort,
  hostPermissions,
  hostUserName,
  isNatsServing,
  issueCredentials,
  natsUrl,
  servicePermissions,
  startNatsServer,
  stopProcess,
} from '../src/infrastructure/index.js';
import type { NatsAuthority, NatsPermissions, ProcessIdentity } from '../src/infrastructure/index.js';

const subjects = subjectsUnder('drover');
const hostA = '0199c4e2-0000-7000-8000-00000000000a' as HostId;
const hostB = '0199c4e2-0000-7000-8000-00000000000b' as HostId;

describe('the NATS server of a home', () => {
  let folder: string;
  let port: number;
  let authority: NatsAuthority;
  let server: ProcessIdentity;
  const connections: NatsConnection[] = [];

  const start = () => startNatsServer({ folder, port, authority, users: {}, logFile: path.join(folder, 'nats.log') });

  async function connectAs(name: string, permissions: NatsPermissions): Promise<NatsConnection> {
    const credentials = await issueCredentials({ authority, name, permissions });
    const connection = await connect({
      servers: natsUrl(port),
      inboxPrefix: permissions.inboxPrefix,
      authenticator: credsAuthenticator(new TextEncoder().encode(credentials)),
    });
    connections.push(connection);
    return connection;
  }

  const connectAsHost = (id: HostId) => connectAs(hostUserName(id), hostPermissions(id, subjects));

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'drover-nats-'));
    port = await freePort();
    ({ authority } = await createNatsAuthority());
    server = await start();
  });

  afterEach(async () => {
    await Promise.all(connections.splice(0).map((connection) => connection.close()));
  });

  afterAll(async () => {
    await stopProcess(server);
    await rm(folder, { recursive: true, force: true });
  });

  it('refuses a client without credentials', async () => {
    await expect(connect({ servers: natsUrl(port), maxReconnectAttempts: 0 })).rejects.toThrow(/authorization/i);
  });

  it('keeps the configuration with its keys to its owner', async () => {
    expect((await stat(path.join(folder, 'nats-server.conf'))).mode & 0o777).toBe(0o600);
  });

  it('lets a host answer a command on its own subject', async () => {
    const host = await connectAsHost(hostA);
    const manager = await connectAs('vm-manager', servicePermissions('vm-manager', subjects));
    host.subscribe(subjects.hostOrder(hostA), { callback: (_error, message) => void message.respond('taken') });
    await host.flush();
    const answer = await manager.request(subjects.hostOrder(hostA), 'start');
    expect(answer.string()).toBe('taken');
  });

  it.each([
    ['publish the report of another host', subjects.hostReport(hostB, 'vm')],
    ['send a command to a service', subjects.command('vm', 'delete')],
    ['command another host', subjects.hostOrder(hostB)],
    ['forge an event', subjects.event('default', 'vm', hostB, 'VmDeleted')],
    ['answer in the inbox of a service', `${inboxOfService('vm-manager')}.x`],
    ['touch JetStream', '$JS.API.STREAM.DELETE.EVENTS'],
  ])('does not let a host %s', async (_deed, subject) => {
    const host = await connectAsHost(hostA);
    const refusal = firstError(host);
    host.publish(subject, '{}');
    await expect(refusal).resolves.toMatchObject({ operation: 'publish', subject });
  });

  it.each([
    ['the commands of another host', subjects.hostOrder(hostB)],
    ['the inbox of a service', `${inboxOfService('vm-manager')}.>`],
    ['events', subjects.allEvents],
    ['everything', '>'],
  ])('does not let a host listen to %s', async (_what, subject) => {
    const host = await connectAsHost(hostA);
    const refused = new Promise((resolve) => host.subscribe(subject, { callback: (error) => resolve(error) }));
    await expect(refused).resolves.toMatchObject({ operation: 'subscription' });
  });

  it('lets the relay publish events in order, and a reader of events only hear them', async () => {
    const relay = await connectAs(EVENT_RELAY, eventRelayPermissions(subjects));
    const manager = await jetstreamManager(relay, { checkAPI: false });
    await manager.streams.add({ name: 'EVENTS', subjects: [subjects.allEvents] });
    const subject = subjects.event('default', 'vm', hostA, 'VmRequested');
    const publish = (lastSequence: number) => jetstream(relay).publish(subject, '{}', { expect: { lastSequence } });
    await publish(0);
    await expect(publish(0)).rejects.toThrow(/wrong last sequence/);
    expect((await manager.streams.getMessage('EVENTS', { last_by_subj: subjects.allEvents }))?.seq).toBe(1);

    const permissions = eventReaderPermissions('reader', subjects);
    const reader = await connectAs('reader', permissions);
    const heard = [permissions.inboxPrefix + '.missed', subjects.allEvents].map(
      (pattern) =>
        new Promise((resolve) =>
          reader.subscribe(pattern, { callback: (_error, message) => resolve(message.string()) }),
        ),
    );
    await reader.flush();
    // What it missed is given to it: it asks for nothing.
    const administrator = await connectAs('administrator', administratorPermissions('events'));
    await (
      await jetstreamManager(administrator, { checkAPI: false })
    ).consumers.add('EVENTS', {
      deliver_subject: permissions.inboxPrefix + '.missed',
      deliver_policy: DeliverPolicy.All,
      ack_policy: AckPolicy.None,
    });
    expect(await heard[0]).toBe('{}');
    await publish(1);
    expect(await heard[1]).toBe('{}');
    for (const forbidden of [subject, '$JS.API.STREAM.INFO.EVENTS', '$JS.API.CONSUMER.MSG.NEXT.EVENTS.x']) {
      const refusal = firstError(reader);
      reader.publish(forbidden, '', { reply: subject });
      await expect(refusal).resolves.toMatchObject({ operation: 'publish', subject: forbidden });
    }
    expect((await manager.streams.info('EVENTS')).state.messages).toBe(2);
  });

  it('takes the same credentials after a kill and a new start', async () => {
    const before = await connectAs('administrator', administratorPermissions());
    await stopProcess(server, 'SIGKILL');
    server = await start();
    const after = await connectAs('administrator', administratorPermissions());
    await after.flush();
    await before.close();
    expect(after.isClosed()).toBe(false);
  });

  it('says who holds its port, and is not taken for what listens there', async () => {
    const options = { folder: path.join(folder, 'third'), port, authority, users: {} };
    const second = startNatsServer({ ...options, logFile: path.join(folder, 'third.log') });
    await expect(second).rejects.toThrow(`port ${port}: nats-server (pid ${server.pid}) listens there`);
    expect(await isNatsServing(server.pid, port)).toBe(true);
    expect(await isNatsServing(process.pid, port)).toBe(false);
  });

  it('says why it does not start', async () => {
    const second = startNatsServer({
      folder: path.join(folder, 'second'),
      port: await freePort(),
      authority: { ...authority, operatorJwt: 'nonsense' },
      logFile: path.join(folder, 'second.log'),
      users: {},
    });
    await expect(second).rejects.toThrow(/nats-server ended[^]*operator/);
  });
});

async function firstError(connection: NatsConnection): Promise<Error | undefined> {
  for await (const status of connection.status()) if (status.type === 'error') return status.error;
  return undefined;
}
