import { ACTIVE_GROUP, type DroverTransportStrategy } from '@drover/messaging';
import type { Intake } from '../../application/ports/lease.port.js';

/** Opens and closes the subscriptions of the Nest transport. */
export class TransportIntake implements Intake {
  readonly #strategy: DroverTransportStrategy;

  constructor(strategy: DroverTransportStrategy) {
    this.#strategy = strategy;
  }

  open(): Promise<void> {
    return this.#strategy.activate(ACTIVE_GROUP);
  }

  close(): Promise<void> {
    return this.#strategy.deactivate(ACTIVE_GROUP);
  }
}
