import type { HostId, Subjects } from '@drover/contracts';
import { eventsStreamName } from './events-stream.client.js';
import { leaseBucket } from './nats-lease-store.adapter.js';

export const serviceNames = ['api-gateway', 'vm-manager', 'scheduler', 'ha-manager', 'drs', 'guest-bridge'] as const;
export type ServiceName = (typeof serviceNames)[number];

/** What one set of NATS credentials may do; everything else is refused by the server. */
export interface NatsPermissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /** Answers to the owner's requests come here, and nobody else may listen. */
  readonly inboxPrefix: string;
  /** May answer requests that it received, within `responseLimits`. */
  readonly allowResponses: boolean;
}

/**
 * Of the answers to one request, as a user's JWT says it; `ttl` in nanoseconds from when the request came. Not by number: an
 * asker who hears nothing asks again under the same answer subject, and nats-server from 2.11 on counts each repeat as if it
 * had been an answer, so that the one that is due would be refused.
 */
export const responseLimits = { max: -1, ttl: 300 * 1e9 };

interface ServiceRow {
  /** Stream kinds whose commands it answers: each kind has one owner. */
  readonly owns: readonly string[];
  /** First words of the queries it answers, beside its own name. */
  readonly answers: readonly string[];
  /** Stream kinds it sends commands for; `*` is all. */
  readonly commands: readonly string[];
  /** First words of the queries it asks. */
  readonly asks: readonly string[];
  /** Below `host.*`. */
  readonly hears: readonly string[];
  readonly tells: readonly string[];
}

/** The subject table of docs/architecture.md, by service. */
const services: Readonly<Record<ServiceName, ServiceRow>> = {
  'api-gateway': {
    owns: ['project', 'identity'],
    answers: [],
    commands: ['*'],
    asks: ['*'],
    hears: ['load', 'stream.>'],
    tells: ['stream.>'],
  },
  'vm-manager': {
    owns: ['vm', 'volume', 'image', 'pool', 'network'],
    answers: ['vm'],
    commands: [],
    asks: ['placement', 'ha'],
    hears: ['report.vm'],
    tells: ['command'],
  },
  scheduler: {
    owns: ['rules'],
    answers: ['placement'],
    commands: [],
    asks: [],
    hears: ['load'],
    tells: [],
  },
  'ha-manager': {
    owns: ['host', 'cluster', 'ha'],
    answers: ['ha'],
    commands: ['vm'],
    asks: ['placement'],
    hears: ['report.host', 'heartbeat'],
    tells: [],
  },
  drs: {
    owns: ['drs'],
    answers: [],
    commands: ['vm'],
    asks: ['placement', 'ha'],
    hears: ['load'],
    tells: [],
  },
  'guest-bridge': {
    owns: ['guest'],
    answers: ['guest'],
    commands: [],
    asks: [],
    hears: [],
    tells: ['guest'],
  },
};

export function servicePermissions(name: ServiceName, subjects: Subjects): NatsPermissions {
  const row = services[name];
  const { prefix } = subjects;
  const inboxPrefix = `_INBOX_${name}`;
  const bucket = leaseBucket(prefix);
  return {
    publish: [
      ...row.commands.map((kind) => subjects.command(kind, '*')),
      ...row.asks.map((word) => subjects.query(word, '*')),
      ...row.tells.map((rest) => `${prefix}.host.*.${rest}`),
      ...(name === 'vm-manager' ? [subjects.progress('*')] : []),
      `$KV.${bucket}.${name}`,
      `$KV.${bucket}.${name}.>`,
      ...streamSubjects(`KV_${bucket}`),
      ...(name === 'api-gateway' ? relaySubjects(subjects) : []),
    ],
    subscribe: [
      ...row.owns.map((kind) => subjects.command(kind, '*')),
      ...[name, ...row.answers].map((word) => subjects.query(word, '*')),
      ...row.hears.map((rest) => `${prefix}.host.*.${rest}`),
      ...(name === 'api-gateway' ? [subjects.progress('*')] : []),
      `${inboxPrefix}.>`,
    ],
    inboxPrefix,
    allowResponses: true,
  };
}

/** A host hears and says only what is its own; progress is nobody's and no truth. */
export function hostPermissions(hostId: HostId, subjects: Subjects): NatsPermissions {
  const own = `${subjects.prefix}.host.${hostId}`;
  const inboxPrefix = `_INBOX_host-${hostId}`;
  return {
    publish: [
      subjects.hostReport(hostId, 'vm'),
      subjects.hostReport(hostId, 'host'),
      subjects.hostHeartbeat(hostId),
      subjects.hostLoad(hostId),
      `${own}.stream.>`,
      subjects.progress('*'),
    ],
    subscribe: [subjects.hostCommand(hostId), `${own}.guest`, `${own}.stream.>`, `${inboxPrefix}.>`],
    inboxPrefix,
    allowResponses: true,
  };
}

/** The relay also empties its stream, where that holds another history than the store. */
function relaySubjects({ prefix, allEvents }: Subjects): readonly string[] {
  const stream = eventsStreamName(prefix);
  return [allEvents, ...streamSubjects(stream), `$JS.API.STREAM.PURGE.${stream}`];
}

/** The questions of JetStream's API that leases and the relay ask, about one stream. */
function streamSubjects(stream: string): readonly string[] {
  return ['INFO', 'CREATE', 'UPDATE', 'MSG.GET'].map((verb) => `$JS.API.STREAM.${verb}.${stream}`);
}
