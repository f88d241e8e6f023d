import { Fault } from '@drover/contracts';
import type { Clock } from '@drover/domain-kit';
import { Limiter } from './limiter.js';
import type { AgentLimits, AgentTimings } from './agent-settings.js';
import { doubling, pause, throwIfStopped } from './stopping.js';

/**
 * Calls to the hypervisor on behalf of orders: bounded in number, and tried again for a while when the hypervisor
 * cannot be reached. That is safe where the call is idempotent; for the others there is `once`.
 */
export class HypervisorCalls {
  readonly #calls: Limiter;
  readonly #starts: Limiter;
  readonly #looks: Limiter;
  readonly #ends: Limiter;
  readonly #readings: Limiter;
  readonly #timings: AgentTimings;
  readonly #clock: Clock;
  readonly #stop: AbortSignal;

  constructor(limits: AgentLimits, timings: AgentTimings, clock: Clock, stop: AbortSignal) {
    this.#calls = new Limiter(limits.parallelCalls);
    this.#starts = new Limiter(limits.parallelStarts);
    this.#looks = new Limiter(limits.parallelCalls);
    this.#ends = new Limiter(limits.parallelCalls);
    this.#readings = new Limiter(limits.parallelCalls);
    this.#timings = timings;
    this.#clock = clock;
    this.#stop = stop;
  }

  call<T>(body: () => Promise<T>): Promise<T> {
    return this.#tried(this.#calls, body, isAway);
  }

  /** For calls that do it again each time: only one that certainly never left is tried again. */
  once<T>(body: () => Promise<T>): Promise<T> {
    return this.#tried(this.#calls, body, (error) => isAway(error) && error.outcome === 'not-applied');
  }

  async #tried<T>(limiter: Limiter, body: () => Promise<T>, mayRepeat: (error: unknown) => boolean): Promise<T> {
    const giveUpAtMs = this.#clock.monotonicMs() + this.#timings.hypervisorPatienceMs;
    const nextWaitMs = doubling(this.#timings.retryMs);
    for (;;) {
      try {
        const value = await limiter.run(() => {
          throwIfStopped(this.#stop);
          return body();
        });
        throwIfStopped(this.#stop);
        return value;
      } catch (error) {
        throwIfStopped(this.#stop);
        if (!mayRepeat(error) || this.#clock.monotonicMs() >= giveUpAtMs) throw error;
        await pause(nextWaitMs(), this.#stop);
      }
    }
  }

  /** For the end of a VM's process, and the mark that it leaves: the remedy for calls that hang, and so never behind them. */
  end<T>(body: () => Promise<T>): Promise<T> {
    return this.#tried(this.#ends, body, isAway);
  }

  /** For calls that change nothing: one whose outcome is unknown is simply made once more. Never behind calls that hang. */
  async look<T>(body: () => Promise<T>): Promise<T> {
    const look = () => this.#tried(this.#looks, body, isAway);
    try {
      return await look();
    } catch (error) {
      if (error instanceof Fault && error.outcome === 'unknown') return look();
      throw error;
    }
  }

  /** For what may read whole files: it may take minutes, or hang with their file system, and nothing else waits behind it. */
  reading<T>(body: () => Promise<T>): Promise<T> {
    return this.#tried(this.#readings, body, isAway);
  }

  start(body: () => Promise<void>): Promise<void> {
    return this.#starts.run(() => this.call(body));
  }
}

function isAway(error: unknown): error is Fault {
  return error instanceof Fault && error.code === 'HYPERVISOR_UNAVAILABLE';
}
