import { answered, type Messaging, type MessagingSubscription } from './messaging.port.js';

/**
 * Answers `<prefix>.query.<service>.health` with what `report` says: for services without HTTP. Of several replicas the
 * first answer counts.
 */
export function respondHealth(
  messaging: Messaging,
  service: string,
  report: () => Promise<unknown>,
): MessagingSubscription {
  return messaging.respond(messaging.subjects.query(service, 'health'), async () => answered(await report()));
}
