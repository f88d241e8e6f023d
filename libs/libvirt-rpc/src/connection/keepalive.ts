export interface KeepaliveOptions {
  readonly intervalMs: number;
  /** Unanswered pings after which the daemon counts as gone: one interval after the last of them. */
  readonly count: number;
}

/**
 * Notices a daemon that is connected but frozen. Pings only after an interval of silence, and counts intervals rather than
 * time, so that a pause of this process alone (its own stop, a long garbage collection) does not cut healthy connections.
 */
export class Keepalive {
  readonly #timer: NodeJS.Timeout;
  #heardSinceTick = true;
  #unanswered = 0;

  constructor(options: KeepaliveOptions, ping: () => void, isPaused: () => boolean, giveUp: () => void) {
    this.#timer = setInterval(() => {
      // While a slow reader holds the socket back, answers lie unread and silence means nothing.
      if (this.#heardSinceTick || isPaused()) {
        this.#heardSinceTick = false;
        this.#unanswered = 0;
      } else if (this.#unanswered >= options.count) {
        giveUp();
      } else {
        this.#unanswered += 1;
        ping();
      }
    }, options.intervalMs);
    this.#timer.unref();
  }

  /** Anything received proves that the daemon lives. */
  heard(): void {
    this.#heardSinceTick = true;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
