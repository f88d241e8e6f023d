/** nats-server answers questions to JetStream under the subject that the asker names, whatever the asker may publish: where that leads with each credential. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  ADMINISTRATOR_INBOX,
  hostIdSchema,
  inboxOfHost,
  inboxOfService,
  serviceNames,
  subjectsUnder,
} from '@drover/contracts';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsMessaging } from '../src/bus/nats-messaging.adapter.js';
import {
  EVENT_RELAY,
  eventRelayPermissions,
  hostPermissions,
  servicePermissions,
  type NatsAccount,
  type NatsPermissions,
} from '../src/permissions/permissions.js';
import { NatsWithCredentials } from './nats-with-credentials.fixture.js';

const subjects = subjectsUnder('drover');
const hostA = hostIdSchema.parse('00000000-0000-4000-8000-00000000000a');
const hostB = hostIdSchema.parse('00000000-0000-4000-8000-00000000000b');

const credentials: readonly (readonly [string, NatsPermissions])[] = [
  ...serviceNames.map((name) => [name, servicePermissions(name, subjects)] as const),
  [`host-${hostA}`, hostPermissions(hostA, subjects)],
  [EVENT_RELAY, eventRelayPermissions(subjects)],
];

/** What no credential but that of its sender may publish. */
const targets = [
  subjects.hostOrder(hostB),
  subjects.hostReport(hostB, 'vm'),
  subjects.hostHeartbeat(hostB),
  subjects.command('vm', 'delete'),
  subjects.query('placement', 'place'),
  `${inboxOfService('vm-manager')}.x.1`,
  `${inboxOfHost(hostB)}.x.1`,
  `${ADMINISTRATOR_INBOX}.x.1`,
];

const administratorOf = (account: NatsAccount): NatsPermissions => ({
  account,
  publish: ['>'],
  subscribe: ['>'],
  inboxPrefix: ADMINISTRATOR_INBOX,
  allowResponses: true,
});

describe('an answer of the server to a question that names a foreign subject', () => {
  let nats: NatsWithCredentials;
  let watcher: NatsMessaging;
  let events: NatsMessaging;
  const seen: Record<NatsAccount, string[]> = { fleet: [], events: [] };

  beforeAll(async () => {
    nats = await NatsWithCredentials.start();
    watcher = await nats.connect('administrator', administratorOf('fleet'));
    events = await nats.connect('administrator', administratorOf('events'));
    const manager = await jetstreamManager(events.connection, { checkAPI: false });
    await manager.streams.add({ name: 'EVENTS', subjects: [subjects.allEvents], allow_direct: true });
    await jetstream(events.connection).publish(subjects.event('default', 'vm', hostB, 'VmStarted'), '{}');
    for (const [account, messaging] of Object.entries({ fleet: watcher, events })) {
      messaging.connection.subscribe('>', {
        callback: (_, { subject }) => void seen[account as NatsAccount].push(subject),
      });
      await messaging.flush();
    }
  });
  afterAll(() => nats.stop());

  const questions = [
    ...['INFO', 'MSG.GET', 'CREATE', 'UPDATE', 'PURGE', 'LIST', 'NAMES'].map((verb) => `$JS.API.STREAM.${verb}.EVENTS`),
    '$JS.API.INFO',
    '$JS.API.STREAM.LIST',
    '$JS.API.STREAM.NAMES',
    `$JS.API.DIRECT.GET.EVENTS.${subjects.event('default', 'vm', hostB, 'VmStarted')}`,
    '$JS.API.CONSUMER.CREATE.EVENTS',
    subjects.event('default', 'vm', hostA, 'VmStarted'),
    '$SYS.REQ.USER.INFO',
    '$SYS.REQ.SERVER.PING',
    '$SYS.REQ.ACCOUNT.PING',
  ];

  it.each(credentials)('never goes where the fleet hears: asked by %s', async (name, permissions) => {
    seen.fleet.length = 0;
    const asker = await nats.connectRaw(name, permissions);
    asker.subscribe(`${permissions.inboxPrefix}.>`);
    for (const question of questions)
      for (const target of targets) asker.publish(question, question.includes('MSG.GET') ? '{"seq":1}' : '', target);
    // The server gives its answers in the order of the questions: those to an own inbox come last.
    const allowed = questions.filter((question) => permissions.publish.includes(question) && question.startsWith('$'));
    for (const question of allowed) asker.publish(question, '', `${permissions.inboxPrefix}.x.${question}`);
    while (allowed.some((question) => !asker.heard.includes(`${permissions.inboxPrefix}.x.${question}`)))
      await asker.flush();
    await asker.flush();
    await watcher.flush();
    expect(seen.fleet.filter((subject) => targets.includes(subject))).toEqual([]);
  });

  it('does go there among the events: only what is of their account keeps it from the fleet', async () => {
    await events.flush();
    expect(new Set(seen.events.filter((subject) => targets.includes(subject)))).toEqual(new Set(targets));
  });
});
