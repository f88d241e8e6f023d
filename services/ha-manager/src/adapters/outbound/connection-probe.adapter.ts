import type { Clock } from '@drover/domain-kit';
import type { Messaging } from '@drover/messaging';

/** A server that has not answered for as long cannot be trusted to bring heartbeats. */
const SILENT_MS = 1_500;

/**
 * Whether messages reach this process: the server answered a moment ago.
 *
 * The client itself notices a dead connection only after many seconds, in which every host would look silent.
 */
export class ConnectionProbe {
  readonly #messaging: Messaging;
  readonly #clock: Clock;
  #answeredAtMs: number | undefined;
  #isAsking = false;

  constructor(messaging: Messaging, clock: Clock) {
    this.#messaging = messaging;
    this.#clock = clock;
  }

  get isAnswering(): boolean {
    if (this.#messaging.state !== 'connected' || this.#answeredAtMs === undefined) return false;
    return this.#clock.monotonicMs() - this.#answeredAtMs < SILENT_MS;
  }

  /** Asks the server, unless it has yet to answer the last time. Rejects when the connection ends meanwhile. */
  async probe(): Promise<void> {
    if (this.#isAsking || this.#messaging.state !== 'connected') return;
    this.#isAsking = true;
    try {
      await this.#messaging.flush();
      this.#answeredAtMs = this.#clock.monotonicMs();
    } finally {
      this.#isAsking = false;
    }
  }
}
