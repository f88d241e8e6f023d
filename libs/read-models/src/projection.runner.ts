import { comparePositions, Fault, type Position, type StoredEvent } from '@drover/contracts';
import { PositionRefused, type EventStore, type Subscription } from '@drover/event-store';
import { outageOf, type Logger, type Outage } from '@drover/observability';
import { claimModel, readCheckpoint, type Checkpoint } from './checkpoint.js';
import { OutdatedProjection } from './outdated-projection.js';
import { projectAroundPoison } from './poison.js';
import { PositionWaiters } from './position-waiters.js';
import type { Projection } from './projection.port.js';
import type { ReadDatabase } from './read-database.client.js';

export interface ProjectionRunnerOptions {
  readonly store: EventStore;
  readonly database: ReadDatabase;
  readonly projection: Projection;
  readonly logger: Logger;
  readonly batchSize?: number;
  /** Waits between attempts while the database does not answer. */
  readonly retryMs?: number;
  /** Told of every batch once the model holds it, in order; must not throw. */
  readonly onProjected?: (events: readonly StoredEvent[], upTo: Position) => void;
  /** The store no longer holds what this process has read from it: the process must end, and a new one begin. */
  readonly onStoreLost?: (error: Fault) => void;
}

/**
 * Follows the event store and folds what it reads into the model in use.
 *
 * Code that meets an event that it does not know, or a model that newer code has written, writes no more: it follows what the
 * newer code writes, and reads on.
 *
 * Every replica runs one. Each is given every batch, and the transaction lets the first of them apply it: the others find
 * the checkpoint behind it and go on. So there is no lease to lose and nobody to take over from, and every replica knows the
 * position.
 */
export class ProjectionRunner {
  readonly waiters = new PositionWaiters();
  readonly #options: ProjectionRunnerOptions;
  readonly #outage: Outage;
  readonly #stopping = new AbortController();
  #checkpoint: Checkpoint | undefined;
  #outdated: string | undefined;
  #failure: string | undefined;
  #subscription: Subscription | undefined;
  #running: Promise<void> | undefined;

  constructor(options: ProjectionRunnerOptions) {
    this.#options = options;
    this.#outage = outageOf(options.logger, 'read model', { fields: { projection: options.projection.name } });
  }

  /** How far the model is; undefined before the first look at it. */
  get checkpoint(): Checkpoint | undefined {
    return this.#checkpoint;
  }

  /** Why this process only reads the model: a newer release writes it. */
  get outdated(): string | undefined {
    return this.#outdated;
  }

  /** Why the model does not move, where its database answers: a person has to look. It is tried again all the time. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Returns at once. While the database does not answer it is tried again. */
  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.waiters.release();
    await this.#subscription?.stop();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { store, batchSize = 500 } = this.#options;
    while (!this.#stopping.signal.aborted) {
      try {
        const position = await this.#begin();
        this.#outage.ended();
        if (this.#stopping.signal.aborted) return;
        this.#subscription = store.subscribe(position, (events, upTo) => this.#take(events, upTo), { batchSize });
        await this.#subscription.closed;
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        this.#failed(error);
        if (error instanceof Fault && error.code === 'STORE_TAIL_LOST') {
          this.#options.onStoreLost?.(error);
          return;
        }
        await this.#pause();
      }
    }
  }

  async #begin(): Promise<Position> {
    const { database, projection } = this.#options;
    await database.migrate();
    const checkpoint = await database.exclusively(projection.name, (sql) => claimModel(sql, projection.version));
    // Also back, where a model that stood beyond the end of the store has been rebuilt.
    this.waiters.restartAt(checkpoint.position);
    this.#move(checkpoint);
    return checkpoint.position;
  }

  async #take(events: readonly StoredEvent[], upTo: Position): Promise<void> {
    const { projection } = this.#options;
    const unknownAt = events.findIndex((event) => projection.isUnknown(event));
    const before = events[unknownAt - 1];
    // What stands before it in the batch is still ours to project.
    if (before !== undefined) await this.#bring(events.slice(0, unknownAt), before.position);
    await this.#bring(before === undefined ? events : events.slice(unknownAt), upTo);
  }

  /** Returns when the model holds these events, whichever replica has written them. */
  async #bring(events: readonly StoredEvent[], upTo: Position): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        if (await this.#write(events, upTo)) {
          this.#options.onProjected?.(events, upTo);
          return;
        }
      } catch (error) {
        this.#failed(error);
      }
      await this.#pause();
    }
    throw new Error('the projection is being stopped');
  }

  /** Whether the model holds them now. */
  async #write(events: readonly StoredEvent[], upTo: Position): Promise<boolean> {
    const { database, projection, logger } = this.#options;
    const target = { schema: projection.name };
    try {
      this.#move(await projectAroundPoison(database, projection, { events, upTo }, target, logger));
      this.#outdated = undefined;
    } catch (error) {
      if (!(error instanceof OutdatedProjection)) throw error;
      if (this.#outdated === undefined) {
        logger.error('this release stops writing the read model and only reads it', { reason: error.message });
      }
      this.#outdated = error.message;
      this.#move(await database.exclusively(projection.name, readCheckpoint));
    }
    this.#outage.ended();
    this.#failure = undefined;
    return comparePositions(upTo, this.waiters.reached) <= 0;
  }

  #failed(error: unknown): void {
    this.#outage.failed(error);
    const isAway = error instanceof Fault && error.code === 'STORE_UNAVAILABLE';
    if (isAway) this.#failure = undefined;
    else if (error instanceof PositionRefused) this.#failure = `rebuild the read model: ${error.rejection.detail}`;
    else this.#failure = String(error);
  }

  #move(checkpoint: Checkpoint): void {
    this.#checkpoint = checkpoint;
    this.waiters.advanceTo(checkpoint.position);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, this.#options.retryMs ?? 500);
      const { signal } = this.#stopping;
      signal.addEventListener('abort', done, { once: true });
      function done(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      }
    });
  }
}
