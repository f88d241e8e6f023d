import { TokenBucket, type Clock, type Rate } from '@drover/domain-kit';

export interface LaneLimits {
  /** Messages that are worked on at one time. */
  readonly inWork: number;
  /** Messages that wait in addition to them. */
  readonly waiting: number;
  /** How fast work begins; as fast as it ends where it is absent. */
  readonly pace?: { readonly messages: Rate; readonly bytes: Rate };
}

export interface Job {
  readonly bytes: number;
  run(): Promise<void>;
}

/** One sender's messages on one subscription: a short queue that is served at a bounded pace. */
export class Lane {
  readonly #limits: LaneLimits;
  readonly #clock: Clock;
  readonly #messages: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;
  readonly #waiting: Job[] = [];
  #inWork = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: LaneLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    if (limits.pace === undefined) return;
    const nowMs = clock.monotonicMs();
    this.#messages = new TokenBucket(limits.pace.messages, nowMs);
    this.#bytes = new TokenBucket(limits.pace.bytes, nowMs);
  }

  get isIdle(): boolean {
    return this.#inWork === 0 && this.#waiting.length === 0;
  }

  /** False where it is full: the job is not taken. */
  offer(job: Job): boolean {
    if (this.#inWork + this.#waiting.length >= this.#limits.inWork + this.#limits.waiting) return false;
    this.#waiting.push(job);
    this.#serve();
    return true;
  }

  #serve(): void {
    while (this.#inWork < this.#limits.inWork && this.#waiting.length > 0) {
      const waitMs = this.#waitMs();
      if (waitMs > 0) {
        this.#serveAfter(waitMs);
        return;
      }
      const job = this.#waiting.shift();
      if (job === undefined) return;
      this.#messages?.take(1);
      this.#bytes?.take(job.bytes);
      this.#inWork += 1;
      void job.run().finally(() => {
        this.#inWork -= 1;
        this.#serve();
      });
    }
  }

  #waitMs(): number {
    const nowMs = this.#clock.monotonicMs();
    return Math.max(this.#messages?.waitMs(nowMs) ?? 0, this.#bytes?.waitMs(nowMs) ?? 0);
  }

  #serveAfter(waitMs: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#serve();
    }, waitMs);
  }
}
