export { backoffMs, defaultRepeats, type Backoff, type Repeats } from './backoff.policy.js';
export * from './messaging.port.js';
export { createMemoryBus, type MemoryBus } from './memory-wire.driver.js';
export { connectMessaging, type NatsMessaging } from './nats-messaging.adapter.js';
export type { NatsOptions } from './nats-wire.driver.js';
export { OrderCheck, orderKeysIn, type OrderCheckOptions } from './order-check.js';
export * from './order-signature.codec.js';
export { parsePayload, readMessage, UnreadableMessage } from './read-message.js';
export type { WireMessagingOptions as MessagingOptions } from './wire-messaging.adapter.js';
export {
  DroverTransportStrategy,
  type DroverTransportOptions,
  type HandlerExtras,
} from './drover-transport.strategy.js';
export { ACTIVE_GROUP, OnMessage, OnRequest } from './message-decorators.js';
export { respondHealth } from './health.js';
export * from './lease.runner.js';
export * from './lease-store.port.js';
export {
  LEASE_BUCKET_OWNER,
  leaseBucket,
  natsLeaseStore,
  type NatsLeaseStoreOptions,
} from './nats-lease-store.adapter.js';
export { cloudEventOf, eventSubject } from './cloud-event.codec.js';
export * from './event.relay.js';
export { eventsStreamName, POSITION_HEADER } from './events-stream.client.js';
export * from './permissions.js';
