import { randomUUID } from 'node:crypto';
import { systemClock, type Clock } from '@drover/domain-kit';
import type { LeaseEntry, LeaseStore } from '@drover/event-store';
import { outageOf, type Logger } from '@drover/observability';

export interface LeaseOptions {
  readonly store: LeaseStore;
  /** Begins with the service's name, e.g. `vm-manager` or `api-gateway.relay`. */
  readonly key: string;
  /** For people: who holds it. Two runs are told apart without it. */
  readonly holderId: string;
  /** How long a holder may be silent before another takes over; the same for all who compete. */
  readonly ttlMs: number;
  /**
   * Why this process could not serve now. While there is a reason it neither takes nor renews: what it holds runs out, and
   * another that can serve has it.
   */
  readonly hindrance?: () => string | undefined;
  readonly logger: Logger;
  readonly clock?: Clock;
}

/** Called one at a time, in turn, and awaited; what they throw is logged as a defect. */
export interface LeaseEvents {
  onAcquired(): Promise<void> | void;
  /** The lease is gone already: stop at once. */
  onLost(reason: string): Promise<void> | void;
}

export interface Lease {
  /** Answered on our own clock without asking anybody: look right before acting (safety.md 22). */
  holds(): boolean;
  /** Whom the store named last: for health and for people. */
  readonly holder: string | undefined;
  /** Gives it up so that another can have it at once; resolves after `onLost`. Idempotent. */
  release(): Promise<void>;
}

interface LeaseValue {
  readonly holder: string;
  /** New for every run, so that a restarted process is not taken for its former self. */
  readonly run: string;
  /** Tells renewals apart where a wiped store gives the same revisions again. */
  readonly count: number;
  readonly isReleased: boolean;
}

/** Clocks run apart by far less than this part of a time to live. */
const DRIFT = 1.05;

/** The part of a time to live that passes before the next try after a conflict: nothing is asked in a loop without a pause. */
const PAUSE = 1 / 20;

/**
 * Makes at most one of several processes the holder of a key.
 *
 * The holder counts its time to live from before it SENT its last successful renewal; a taker counts the same time from
 * after it RECEIVED a revision that has not changed since. So the holder's own clock ends the lease before any taker's
 * does, without comparing clocks, and also when nothing can be sent. A key that is missing counts as a revision like any
 * other: the store may have lost its files while the holder still holds.
 */
export function runLease(options: LeaseOptions, events: LeaseEvents): Lease {
  return new RunningLease(options, events);
}

class RunningLease implements Lease {
  readonly #options: LeaseOptions;
  readonly #events: LeaseEvents;
  readonly #clock: Clock;
  readonly #run = randomUUID();
  /** Ours while we hold: when the renewal was sent that still carries us. */
  #held: { readonly revision: number; readonly monotonicMs: number; readonly epochMs: number } | undefined;
  /** What stands in the store of another, and since when we have seen it unchanged. */
  #seen: { readonly token: string; readonly sinceMs: number } | undefined;
  #holder: string | undefined;
  #count = 0;
  #isReleasing = false;
  #wake: (() => void) | undefined;
  #expiry: NodeJS.Timeout | undefined;
  #notified: Promise<void> = Promise.resolve();
  readonly #ended: Promise<void>;

  constructor(options: LeaseOptions, events: LeaseEvents) {
    this.#options = options;
    this.#events = events;
    this.#clock = options.clock ?? systemClock;
    this.#ended = this.#loop();
  }

  get holder(): string | undefined {
    return this.#holder;
  }

  holds(): boolean {
    return this.#held !== undefined && !this.#isReleasing && this.#remainingMs() > 0;
  }

  async release(): Promise<void> {
    if (!this.#isReleasing) {
      this.#isReleasing = true;
      this.#wake?.();
    }
    await this.#ended;
  }

  async #loop(): Promise<void> {
    const { key, logger, ttlMs, hindrance } = this.#options;
    const outage = outageOf(logger, 'lease', { fields: { lease: key } });
    while (!this.#isReleasing) {
      let waitMs = ttlMs / 3;
      try {
        const reason = hindrance?.();
        if (reason !== undefined) throw new Error(reason);
        waitMs = this.#held === undefined ? await this.#tryToTake() : await this.#renew();
        outage.ended();
      } catch (error) {
        // Held or not, our own clock decides how long this may go on.
        outage.failed(error);
        waitMs = ttlMs / 10;
      }
      if (!this.#isReleasing) await this.#sleep(waitMs);
    }
    const held = this.#held;
    this.#lose('released');
    await this.#notified;
    if (held !== undefined) await this.#handOver(held.revision);
  }

  async #renew(): Promise<number> {
    const revision = this.#held?.revision ?? 0;
    if (await this.#write(revision)) return this.#options.ttlMs / 3;
    // Somebody else has it, or a write of ours was stored that we were not told of, or the store began anew.
    const entry = await this.#options.store.read(this.#options.key);
    const pauseMs = this.#options.ttlMs * PAUSE;
    if (this.#held === undefined) return pauseMs;
    const value = parseValue(entry);
    // A key that a person deleted has no holder, so a replica that waits for it waits for our time to pass.
    if (entry !== undefined && value?.run !== this.#run) {
      this.#lose(`taken by ${value?.holder ?? 'a stranger'}`);
      return pauseMs;
    }
    this.#held = { ...this.#held, revision: entry?.revision ?? 0 };
    return pauseMs;
  }

  async #tryToTake(): Promise<number> {
    const { store, key, ttlMs } = this.#options;
    const entry = await store.read(key);
    const nowMs = this.#clock.monotonicMs();
    const value = parseValue(entry);
    this.#holder = value?.isReleased === true ? undefined : value?.holder;
    const token = entry === undefined ? 'absent' : `${entry.revision} ${entry.value}`;
    if (this.#seen?.token !== token) this.#seen = { token, sinceMs: nowMs };
    const dueInMs = this.#seen.sinceMs + ttlMs * DRIFT - nowMs;
    const isFree = value?.isReleased === true || value?.run === this.#run || dueInMs <= 0;
    if (!isFree) return Math.min(ttlMs / 3, dueInMs);
    return (await this.#write(entry?.revision ?? 0)) ? ttlMs / 3 : ttlMs * PAUSE;
  }

  async #write(revision: number): Promise<boolean> {
    const sent = { monotonicMs: this.#clock.monotonicMs(), epochMs: this.#clock.epochMs() };
    const wasHeld = this.#held !== undefined;
    const written = await this.#options.store.write(this.#options.key, this.#value(false), revision);
    if (written === 'conflict') return false;
    // Expired while the renewal was under way: onLost was called, and what we hold now begins anew.
    const isNew = !wasHeld || this.#held === undefined;
    this.#held = { ...sent, revision: written };
    this.#holder = this.#options.holderId;
    this.#seen = undefined;
    if (this.#remainingMs() <= 0) {
      if (isNew) this.#held = undefined;
      else this.#lose('the renewal took too long');
      return true;
    }
    this.#scheduleExpiry();
    if (isNew) {
      this.#options.logger.info('holds the lease', { lease: this.#options.key });
      this.#notify(() => this.#events.onAcquired());
    }
    return true;
  }

  #value(isReleased: boolean): string {
    this.#count += 1;
    const value: LeaseValue = { holder: this.#options.holderId, run: this.#run, count: this.#count, isReleased };
    return JSON.stringify(value);
  }

  #remainingMs(): number {
    if (this.#held === undefined) return 0;
    // A clock that stands still while the machine is suspended would hold for ever: the wall clock shortens, never lengthens.
    const passedMs = Math.max(
      this.#clock.monotonicMs() - this.#held.monotonicMs,
      this.#clock.epochMs() - this.#held.epochMs,
    );
    return this.#options.ttlMs - passedMs;
  }

  #scheduleExpiry(): void {
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => {
      if (this.#held === undefined) return;
      if (this.#remainingMs() > 0) this.#scheduleExpiry();
      else this.#lose('it could not be renewed in time');
    }, this.#remainingMs());
  }

  #lose(reason: string): void {
    clearTimeout(this.#expiry);
    if (this.#held === undefined) return;
    this.#held = undefined;
    this.#options.logger.warn('lost the lease', { lease: this.#options.key, reason });
    this.#notify(() => this.#events.onLost(reason));
  }

  async #handOver(revision: number): Promise<void> {
    try {
      await this.#options.store.write(this.#options.key, this.#value(true), revision);
    } catch (error) {
      // The next holder waits for the time to live instead.
      this.#options.logger.warn('the lease could not be handed over', { lease: this.#options.key, error });
    }
  }

  #notify(call: () => Promise<void> | void): void {
    this.#notified = this.#notified.then(call).catch((error: unknown) => {
      this.#options.logger.error('a lease callback failed', { lease: this.#options.key, error });
    });
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function parseValue(entry: LeaseEntry | undefined): LeaseValue | undefined {
  if (entry === undefined) return undefined;
  try {
    return JSON.parse(entry.value) as LeaseValue;
  } catch {
    // Not written by us; its time runs out like that of any other.
    return undefined;
  }
}
