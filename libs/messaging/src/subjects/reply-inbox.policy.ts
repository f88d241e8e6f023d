import { ADMINISTRATOR_INBOX, inboxOfHost, inboxOfService, serviceNames, type HostId } from '@drover/contracts';
import type { Askers } from './subject-table.policy.js';

/**
 * Whether an answer may go to `replyTo`, when these may have asked.
 *
 * The sender writes the reply subject and nats-server does not compare it with what the sender may publish. A service that answered
 * there unseen would publish for the sender wherever this connection may: purge a stream, forge an event.
 * So an answer goes only to the inbox of one who may have asked.
 */
export function mayAnswer(askers: Askers, replyTo: string): boolean {
  if (askers.kind === 'host') return isIn(inboxOfHost(askers.hostId as HostId), replyTo);
  return isIn(ADMINISTRATOR_INBOX, replyTo) || askers.names.some((name) => isIn(inboxOfService(name), replyTo));
}

/** The inbox of a connection by its name: of a service, `host-<id>`, or of one that is in no table. */
export function inboxOfName(name: string): string {
  if ((serviceNames as readonly string[]).includes(name)) return inboxOfService(name);
  if (name.startsWith('host-')) return inboxOfHost(name.slice('host-'.length) as HostId);
  return name === 'administrator' ? ADMINISTRATOR_INBOX : `_INBOX.other.${name}`;
}

function isIn(inbox: string, subject: string): boolean {
  return subject.startsWith(`${inbox}.`);
}
