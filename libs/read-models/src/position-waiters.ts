import { comparePositions, START, type Position } from '@drover/contracts';

interface Waiter {
  readonly position: Position;
  readonly settle: (answer: 'reached' | 'not-yet') => void;
}

export interface PositionSource {
  /** The checkpoint as the database has it; asked only while somebody waits. */
  readonly read: () => Promise<Position>;
  readonly everyMs: number;
}

/**
 * Lets reads wait until the read model has come to a position.
 *
 * A process that projects tells how far it is by `advanceTo`; one that only reads is given a `source`, which is asked while
 * somebody waits. What fails there is asked again until the waiter's time is over.
 */
export class PositionWaiters {
  readonly #waiters = new Set<Waiter>();
  readonly #source: PositionSource | undefined;
  #reached: Position = START;
  #isAsking = false;

  constructor(source?: PositionSource) {
    this.#source = source;
  }

  get reached(): Position {
    return this.#reached;
  }

  /** Another model has taken the place of the one before; it may be behind it. */
  restartAt(position: Position): void {
    this.#reached = START;
    this.advanceTo(position);
  }

  advanceTo(position: Position): void {
    if (comparePositions(position, this.#reached) <= 0) return;
    this.#reached = position;
    for (const waiter of this.#waiters) {
      if (comparePositions(waiter.position, position) <= 0) waiter.settle('reached');
    }
  }

  /** Resolves at once where the position is reached already. */
  waitFor(position: Position, timeoutMs: number): Promise<'reached' | 'not-yet'> {
    if (comparePositions(position, this.#reached) <= 0) return Promise.resolve('reached');
    const { promise, resolve } = Promise.withResolvers<'reached' | 'not-yet'>();
    const timer = setTimeout(() => waiter.settle('not-yet'), timeoutMs);
    const waiter: Waiter = {
      position,
      settle: (answer) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(answer);
      },
    };
    this.#waiters.add(waiter);
    if (this.#source !== undefined && !this.#isAsking) void this.#ask(this.#source);
    return promise;
  }

  /** Answers everybody who waits: not yet. */
  release(): void {
    for (const waiter of this.#waiters) waiter.settle('not-yet');
  }

  async #ask(source: PositionSource): Promise<void> {
    this.#isAsking = true;
    while (this.#waiters.size > 0) {
      const position = await source.read().catch(() => this.#reached);
      this.advanceTo(position);
      if (this.#waiters.size > 0) await new Promise((resolve) => setTimeout(resolve, source.everyMs));
    }
    this.#isAsking = false;
  }
}
