import {
  ADMINISTRATOR_INBOX,
  inboxOfHost,
  inboxOfService,
  type HostId,
  type ServiceName,
  type Subjects,
} from '@drover/contracts';
import { eventsStreamName } from '../relay/events-stream.client.js';
import { inboxOfName } from '../subjects/reply-inbox.policy.js';
import {
  answeredBy,
  answersHosts,
  askersOf,
  commandsAnsweredBy,
  commandsOf,
  queriesOf,
  rowOf,
} from '../subjects/subject-table.policy.js';

/**
 * The accounts of NATS, of which none hears anything of another. The server answers questions to JetStream under the subject that the
 * asker names, whatever the asker may publish: where commands and reports go there is none to ask (ADR 31).
 */
export const natsAccounts = ['fleet', 'events'] as const;
export type NatsAccount = (typeof natsAccounts)[number];

/** The user that publishes stored events for external tools; api-gateway signs in as it, besides its own. */
export const EVENT_RELAY = 'event-relay';

/** What one set of NATS credentials may do; everything else is refused by the server. */
export interface NatsPermissions {
  readonly account: NatsAccount;
  /** No subject is in both lists: see `allowResponses`. */
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /** Answers to the owner's requests come here, and no other client may listen. */
  readonly inboxPrefix: string;
  /**
   * May answer requests that it received, within `responseLimits`. Only for hosts, whose askers' inboxes they may not publish
   * to as they like. A client that could send itself a message would get leave to publish on any subject that it names for the
   * answer.
   */
  readonly allowResponses: boolean;
  /** None for a person who looks for a fault. */
  readonly limits?: NatsLimits;
}

/** As a user's JWT says it; what is not here is not limited. */
export interface NatsLimits {
  readonly subs: number;
  /** Bytes of one message, headers included. */
  readonly payload: number;
}

/** The server's `max_payload`. */
const MEBIBYTE = 1024 * 1024;

/** A service has a subscription per kind of message that it hears; a host has four. */
const serviceLimits: NatsLimits = { subs: 256, payload: MEBIBYTE };
const hostLimits: NatsLimits = { subs: 32, payload: MEBIBYTE };

/**
 * Of the answers to one request, as a user's JWT says it; `ttl` in nanoseconds from when the request came. Not by number: an
 * asker who hears nothing asks again under the same answer subject, and nats-server from 2.11 on counts each repeat as if it
 * had been an answer, so that the one that is due would be refused.
 */
export const responseLimits = { max: -1, ttl: 300 * 1e9 };

export function servicePermissions(name: ServiceName, subjects: Subjects): NatsPermissions {
  const row = rowOf(name);
  const { prefix } = subjects;
  const inboxPrefix = inboxOfService(name);
  return {
    account: 'fleet',
    publish: [
      ...commandsOf(name).map((kind) => subjects.command(kind, '*')),
      ...queriesOf(name).map((word) => subjects.query(word, '*')),
      ...row.tells.map((rest) => `${prefix}.host.*.${rest}`),
      ...askersOf(name).map((asker) => `${inboxOfService(asker)}.>`),
      ...(answersHosts(name) ? [`${inboxOfHost('*')}.>`] : []),
      `${ADMINISTRATOR_INBOX}.>`,
    ],
    subscribe: [
      ...commandsAnsweredBy(name).map((kind) => subjects.command(kind, '*')),
      ...answeredBy(name).map((word) => subjects.query(word, '*')),
      ...row.hears.map((rest) => `${prefix}.host.*.${rest}`),
      `${inboxPrefix}.>`,
    ],
    inboxPrefix,
    allowResponses: false,
    limits: serviceLimits,
  };
}

/** A host hears and says only what is its own. */
export function hostPermissions(hostId: HostId, subjects: Subjects): NatsPermissions {
  const own = `${subjects.prefix}.host.${hostId}`;
  const inboxPrefix = inboxOfHost(hostId);
  return {
    account: 'fleet',
    publish: [
      subjects.hostReport(hostId, 'vm'),
      subjects.hostReport(hostId, 'host'),
      subjects.hostHeartbeat(hostId),
      subjects.hostLoad(hostId),
      subjects.hostProgress(hostId),
      `${own}.stream.up.>`,
    ],
    subscribe: [subjects.hostOrder(hostId), `${own}.guest`, `${own}.stream.down.>`, `${inboxPrefix}.>`],
    inboxPrefix,
    allowResponses: true,
    limits: hostLimits,
  };
}

/** The relay makes its stream, and empties it where that holds another history than the store. */
export function eventRelayPermissions({ prefix, allEvents }: Subjects): NatsPermissions {
  const stream = eventsStreamName(prefix);
  const inboxPrefix = inboxOfName(EVENT_RELAY);
  const verbs = ['INFO', 'MSG.GET', 'CREATE', 'UPDATE', 'PURGE'];
  return {
    account: 'events',
    publish: [allEvents, ...verbs.map((verb) => `$JS.API.STREAM.${verb}.${stream}`)],
    subscribe: [`${inboxPrefix}.>`],
    inboxPrefix,
    allowResponses: false,
    limits: serviceLimits,
  };
}
