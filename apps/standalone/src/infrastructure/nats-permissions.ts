/**
 * Who else may say and hear what on NATS, besides the services and hosts of `@drover/messaging/permissions`. No client has more
 * than his part needs.
 */
import { ADMINISTRATOR_INBOX, type Subjects } from '@drover/contracts';
import type { NatsAccount, NatsPermissions } from '@drover/messaging/permissions';

export {
  EVENT_RELAY,
  eventRelayPermissions,
  hostPermissions,
  natsAccounts,
  responseLimits,
  servicePermissions,
  type NatsAccount,
  type NatsPermissions,
} from '@drover/messaging/permissions';

/** Of the administrator in the account of events. */
export const EVENTS_ADMINISTRATOR = 'events-administrator';

/**
 * For an external tool: it hears every event and says nothing. It asks nothing of JetStream either, which would answer where the tool says, and
 * so also among the events. Where it has to be given what it missed, an administrator makes a push consumer whose messages go to its inbox.
 */
export function eventReaderPermissions(name: string, subjects: Subjects): NatsPermissions {
  const inboxPrefix = `_INBOX.reader.${name}`;
  return {
    account: 'events',
    publish: [],
    subscribe: [subjects.allEvents, `${inboxPrefix}.>`],
    inboxPrefix,
    allowResponses: false,
  };
}

/**
 * For a person who looks for a fault, and for tests. Services and agents answer in its inbox, and the tools must be told so:
 * `nats req --inbox-prefix _INBOX.administrator`.
 */
export function administratorPermissions(account: NatsAccount = 'fleet'): NatsPermissions {
  return { account, publish: ['>'], subscribe: ['>'], inboxPrefix: ADMINISTRATOR_INBOX, allowResponses: true };
}
