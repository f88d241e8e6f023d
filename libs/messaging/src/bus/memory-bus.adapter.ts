import { MemoryHub } from '../wire/memory-wire.driver.js';
import type { Messaging } from './messaging.port.js';
import { WireMessaging, type WireMessagingOptions } from './wire-messaging.adapter.js';

/** A bus in memory that behaves as NATS does, for specs and for simulation. */
export interface MemoryBus {
  connect(options: WireMessagingOptions): Messaging;
  /** Cuts every connection, as a server that stops; what is in flight is lost. */
  cut(): void;
  /** Connections come back, subscriptions too. */
  heal(): void;
}

export function createMemoryBus(maxPayloadBytes = 1024 * 1024): MemoryBus {
  const hub = new MemoryHub(maxPayloadBytes);
  return {
    connect: (options) => new WireMessaging(hub.connect(options.name), options),
    cut: () => hub.setUp(false),
    heal: () => hub.setUp(true),
  };
}
