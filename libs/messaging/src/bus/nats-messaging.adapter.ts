import type { NatsConnection } from '@nats-io/transport-node';
import type { Messaging } from './messaging.port.js';
import { inboxOfName } from '../subjects/reply-inbox.policy.js';
import { connectNats, NatsWire, type NatsOptions } from '../wire/nats-wire.driver.js';
import { WireMessaging, type WireMessagingOptions } from './wire-messaging.adapter.js';

export interface NatsMessaging extends Messaging {
  /** For the event relay, which stands on JetStream. */
  readonly connection: NatsConnection;
  /** Where the credentials allow it to hear answers. */
  readonly inboxPrefix: string;
}

/** `Messaging` over NATS. Reconnects for ever; subscriptions survive. */
export async function connectMessaging(options: NatsOptions & WireMessagingOptions): Promise<NatsMessaging> {
  const connection = await connectNats(options, options.logger);
  const wire = new NatsWire(connection, options.name, options.logger);
  return Object.assign(new WireMessaging(wire, options), { connection, inboxPrefix: inboxOfName(options.name) });
}
