import { comparePositions, Fault, type Position, type StoredEvent } from '@drover/contracts';
import type { EventStore, Subscription } from '@drover/event-store';
import { outageOf, type Logger, type Outage } from '@drover/observability';
import { claimModels, isGiven, modelInUse, readCheckpoint } from './checkpoint.js';
import { FollowedModel, isAway } from './followed-model.state.js';
import { OutdatedProjection } from './outdated-projection.js';
import { paced, pause } from './paced.js';
import { projectAroundPoison } from './poison.js';
import type { Projection } from './projection.port.js';
import type { ReadDatabase } from './read-database.client.js';

/** Between the beginnings of two batches, while they are small. */
const PACE_MS = 25;

export interface ProjectionRunnerOptions {
  readonly store: EventStore;
  readonly database: ReadDatabase;
  /** One at least. */
  readonly projections: readonly Projection[];
  readonly logger: Logger;
  readonly batchSize?: number;
  /** Waits between attempts while the database does not answer. */
  readonly retryMs?: number;
  /** Told of every batch once these models hold it, in order; must not throw. */
  readonly onProjected?: (models: readonly FollowedModel[], events: readonly StoredEvent[], upTo: Position) => void;
  /** The store no longer holds what this process has read from it: the process must end, and a new one begin. */
  readonly onStoreLost?: (error: Fault) => void;
}

/**
 * Follows the event store and folds what it reads into the models in use, each batch into all of them in one transaction.
 *
 * Where one of several models cannot go on, by a lost table or a newer release, they part for as long as the process lives: a runner
 * each follows the store then, so that the others are not held up.
 *
 * Code that meets an event that it does not know, or a model that newer code has written, writes no more: it follows what the
 * newer code writes, and reads on.
 *
 * Every replica runs one. Each is given every batch, and the transaction lets the first of them apply it: the others find
 * the checkpoints behind it and go on. So there is no lease to lose and no replica to take over from, and every replica knows the
 * positions.
 */
export class ProjectionRunner {
  readonly models: readonly FollowedModel[];
  readonly #options: Omit<ProjectionRunnerOptions, 'projections'>;
  readonly #outage: Outage;
  readonly #stopping = new AbortController();
  #subscription: Subscription | undefined;
  #running: Promise<void> | undefined;
  #parted: readonly ProjectionRunner[] = [];

  constructor(options: ProjectionRunnerOptions, models = options.projections.map((one) => new FollowedModel(one))) {
    this.models = models;
    this.#options = options;
    const names = models.map(({ projection }) => projection.name).join(', ');
    this.#outage = outageOf(options.logger, 'read model', { fields: { projection: names } });
  }

  /** Returns at once. While the database does not answer it is tried again. */
  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const { waiters } of this.models) waiters.release();
    await this.#subscription?.stop();
    await Promise.all(this.#parted.map((runner) => runner.stop()));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { store, batchSize = 500 } = this.#options;
    while (!this.#stopping.signal.aborted) {
      try {
        const position = await this.#begin();
        this.#outage.ended();
        if (this.#stopping.signal.aborted) return;
        const { signal } = this.#stopping;
        const take = paced((events, upTo) => this.#take(events, upTo), { everyMs: PACE_MS, fullAt: batchSize, signal });
        this.#subscription = store.subscribe(position, take, { batchSize });
        await this.#subscription.closed;
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        const isLost = error instanceof Fault && error.code === 'STORE_TAIL_LOST';
        if (this.models.length > 1 && !isAway(error) && !isLost) return this.#part(error);
        this.#failed(error);
        if (isLost) {
          this.#options.onStoreLost?.(error);
          return;
        }
        await this.#pause();
      }
    }
  }

  #part(error: unknown): void {
    const message = 'a read model cannot go on; each of them follows the event store by itself until this process ends';
    this.#options.logger.error(message, { error });
    this.#parted = this.models.map((model) => new ProjectionRunner({ ...this.#options, projections: [] }, [model]));
    for (const runner of this.#parted) runner.start();
  }

  /** Where to follow the store from: where the model stands that is the furthest back. */
  async #begin(): Promise<Position> {
    const { database } = this.#options;
    const projections = this.models.map(({ projection }) => projection);
    for (const projection of projections) await database.migrate(projection);
    const names = projections.map(({ name }) => name);
    const checkpoints = await database.exclusively(names, (sql) => claimModels(sql, projections));
    for (const [index, checkpoint] of checkpoints.entries()) this.models[index]?.begun(checkpoint);
    const [first, ...others] = checkpoints.map(({ position }) => position);
    if (first === undefined) throw new Error('a runner without projections');
    return others.reduce((least, one) => (comparePositions(one, least) < 0 ? one : least), first);
  }

  async #take(events: readonly StoredEvent[], upTo: Position): Promise<void> {
    const unknownAt = events.findIndex((event) =>
      this.models.some(({ projection }) => isGiven(projection, event) && projection.isUnknown(event)),
    );
    const before = events[unknownAt - 1];
    // What stands before it in the batch is still ours to project.
    if (before !== undefined) await this.#bring(events.slice(0, unknownAt), before.position);
    await this.#bring(before === undefined ? events : events.slice(unknownAt), upTo);
  }

  /** Returns when the models hold these events, whichever replica has written them. */
  async #bring(events: readonly StoredEvent[], upTo: Position): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        if (await this.#write(events, upTo)) {
          this.#options.onProjected?.(this.models, events, upTo);
          return;
        }
      } catch (error) {
        if (this.models.length > 1 && !isAway(error)) throw error;
        this.#failed(error);
      }
      await this.#pause();
    }
    throw new Error('the projection is being stopped');
  }

  /** Whether the models hold them now. */
  async #write(events: readonly StoredEvent[], upTo: Position): Promise<boolean> {
    const { database, logger } = this.#options;
    const targets = this.models.map(({ projection }) => modelInUse(projection));
    const [first] = this.models;
    try {
      const checkpoints = await projectAroundPoison(database, targets, { events, upTo }, logger);
      for (const [index, checkpoint] of checkpoints.entries()) this.models[index]?.written(checkpoint);
    } catch (error) {
      if (!(error instanceof OutdatedProjection) || first === undefined || this.models.length > 1) throw error;
      await this.#readOn(first, error.message);
    }
    this.#outage.ended();
    return this.models.every(({ waiters }) => comparePositions(upTo, waiters.reached) <= 0);
  }

  async #readOn(model: FollowedModel, why: string): Promise<void> {
    const { database, logger } = this.#options;
    const { name } = model.projection;
    if (model.outdated === undefined) {
      logger.error('this release stops writing the read model and only reads it', { projection: name, reason: why });
    }
    model.readOnly(await database.exclusively(name, (sql) => readCheckpoint(sql, name)), why);
  }

  #failed(error: unknown): void {
    this.#outage.failed(error);
    for (const model of this.models) model.failed(error);
  }

  #pause(): Promise<void> {
    return pause(this.#options.retryMs ?? 500, this.#stopping.signal);
  }
}
