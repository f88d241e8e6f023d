/**
 * Who else may say and hear what on NATS, besides the services and hosts of `@drover/messaging/permissions`. No client has more
 * than his part needs.
 */
import { ADMINISTRATOR_INBOX, type Subjects } from '@drover/contracts';
import type { NatsPermissions } from '@drover/messaging/permissions';

export {
  hostPermissions,
  responseLimits,
  servicePermissions,
  type NatsPermissions,
} from '@drover/messaging/permissions';

/** For external tools: every event, nothing else. */
export function eventReaderPermissions(name: string, subjects: Subjects): NatsPermissions {
  const inboxPrefix = `_INBOX.reader.${name}`;
  return {
    publish: [
      '$JS.API.INFO',
      '$JS.API.STREAM.INFO.EVENTS',
      '$JS.API.CONSUMER.MSG.NEXT.EVENTS.>',
      '$JS.API.CONSUMER.*.EVENTS',
      '$JS.API.CONSUMER.*.EVENTS.>',
      '$JS.ACK.EVENTS.>',
    ],
    subscribe: [subjects.allEvents, `${inboxPrefix}.>`],
    inboxPrefix,
    allowResponses: false,
  };
}

/**
 * For a person who looks for a fault, and for tests. Services and agents answer in its inbox, and the tools must be told so:
 * `nats req --inbox-prefix _INBOX.administrator`.
 */
export function administratorPermissions(): NatsPermissions {
  return { publish: ['>'], subscribe: ['>'], inboxPrefix: ADMINISTRATOR_INBOX, allowResponses: true };
}
