export { backoffMs, defaultRepeats, type Backoff, type Repeats } from './bus/backoff.policy.js';
export * from './bus/messaging.port.js';
export { createMemoryBus, type MemoryBus } from './bus/memory-bus.adapter.js';
export { connectMessaging, type NatsMessaging } from './bus/nats-messaging.adapter.js';
export type { NatsOptions } from './wire/nats-wire.driver.js';
export { OrderCheck, orderKeysIn, type OrderCheckOptions } from './orders/order-check.js';
export * from './orders/order-signature.codec.js';
export { parsePayload, readMessage, UnreadableMessage } from './bus/read-message.js';
export type { WireMessagingOptions as MessagingOptions } from './bus/wire-messaging.adapter.js';
export {
  DroverTransportStrategy,
  type DroverTransportOptions,
  type HandlerExtras,
} from './nest/drover-transport.strategy.js';
export { commandController } from './nest/command-controller.js';
export { ACTIVE_GROUP, OnMessage, OnRequest } from './nest/message-decorators.js';
export { respondHealth } from './bus/health.js';
export { cloudEventOf, eventSubject } from './relay/cloud-event.codec.js';
export * from './relay/event.relay.js';
export { eventsStreamName, POSITION_HEADER } from './relay/events-stream.client.js';
export * from './permissions/permissions.js';
