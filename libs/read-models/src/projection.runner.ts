import { Fault, type Position, type StoredEvent } from '@drover/contracts';
import type { EventStore, Subscription } from '@drover/event-store';
import { outageOf, type Logger, type Outage } from '@drover/observability';
import { projectBatch, readCheckpoint, type Checkpoint } from './checkpoint.js';
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
}

/** An event that cannot be projected. It is not passed over: until the code is mended the model stays as it is. */
export interface Poison {
  readonly eventId: string;
  readonly type: string;
  readonly position: Position;
  readonly detail: string;
}

/**
 * Follows the event store and folds what it reads into the model in use.
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
  #poison: Poison | undefined;
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

  /** Set when the projection has stopped at an event. A person has to look. */
  get poison(): Poison | undefined {
    return this.#poison;
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
        if (this.#poison !== undefined) return;
        if (this.#stopping.signal.aborted) return;
        this.#outage.failed(error);
        await this.#pause();
      }
    }
  }

  async #begin(): Promise<Position> {
    const { database, projection } = this.#options;
    await database.migrate();
    this.#checkpoint = await database.exclusively(projection.name, readCheckpoint);
    this.waiters.advanceTo(this.#checkpoint.position);
    return this.#checkpoint.position;
  }

  async #take(events: readonly StoredEvent[], upTo: Position): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        this.#move(await this.#project(events, upTo));
        this.#outage.ended();
        this.#options.onProjected?.(events, upTo);
        return;
      } catch (error) {
        if (!(error instanceof Fault && error.code === 'STORE_UNAVAILABLE')) return this.#isolate(events, error);
        this.#outage.failed(error);
        await this.#pause();
      }
    }
    throw new Error('the projection is being stopped');
  }

  /** Projects one by one what could not be projected together, and stops at the event that is to blame. */
  async #isolate(events: readonly StoredEvent[], together: unknown): Promise<void> {
    for (const event of events) {
      try {
        this.#move(await this.#project([event], event.position));
        this.#options.onProjected?.([event], event.position);
      } catch (error) {
        if (error instanceof Fault && error.code === 'STORE_UNAVAILABLE') throw error;
        this.#poison = {
          eventId: event.id,
          type: event.type,
          position: event.position,
          detail: error instanceof Error ? error.message : String(error),
        };
        this.#options.logger.error('The projection has stopped at an event it cannot project.', {
          error,
          ...this.#poison,
        });
        throw error;
      }
    }
    this.#options.logger.warn('A batch failed and its events, one by one, did not.', { error: together });
  }

  #project(events: readonly StoredEvent[], upTo: Position): Promise<Checkpoint> {
    const { database, projection } = this.#options;
    return projectBatch(database, projection, { events, upTo }, { schema: projection.name });
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
