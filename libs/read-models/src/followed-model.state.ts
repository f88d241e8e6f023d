import { Fault, Rejected } from '@drover/contracts';
import type { Checkpoint } from './checkpoint.js';
import { PositionWaiters } from './position-waiters.js';
import type { Projection } from './projection.port.js';

/** What a process knows of one model in use: how far it is, and why it is not further. */
export class FollowedModel {
  readonly projection: Projection;
  readonly waiters = new PositionWaiters();
  #checkpoint: Checkpoint | undefined;
  #failure: string | undefined;
  #outdated: string | undefined;

  constructor(projection: Projection) {
    this.projection = projection;
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

  /** Looked at anew: it may stand further back than before, where it stood beyond the end of the store and was rebuilt. */
  begun(checkpoint: Checkpoint): void {
    this.#checkpoint = checkpoint;
    this.waiters.restartAt(checkpoint.position);
  }

  written(checkpoint: Checkpoint): void {
    this.#outdated = undefined;
    this.#moved(checkpoint);
  }

  /** Somebody else has to write it; this is how far it was brought. */
  readOnly(checkpoint: Checkpoint, why: string): void {
    this.#outdated = why;
    this.#moved(checkpoint);
  }

  failed(error: unknown): void {
    if (isAway(error)) this.#failure = undefined;
    else if (error instanceof Rejected) this.#failure = `rebuild the read model: ${error.rejection.detail}`;
    else this.#failure = String(error);
  }

  #moved(checkpoint: Checkpoint): void {
    this.#failure = undefined;
    this.#checkpoint = checkpoint;
    this.waiters.advanceTo(checkpoint.position);
  }
}

/** The database does not answer. That is no fault of the model, and passes. */
export function isAway(error: unknown): boolean {
  return error instanceof Fault && error.code === 'STORE_UNAVAILABLE';
}
