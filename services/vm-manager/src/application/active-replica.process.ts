import type { Intake, Lease } from './ports/lease.port.js';
import type { Log } from './ports/log.port.js';

export interface ActiveReplicaOptions {
  readonly lease: Lease;
  /** Takes commands and reports while open. */
  readonly intake: Intake;
  readonly operations: { activate(): void; deactivate(): void };
  readonly follower: { caughtUp(): Promise<void> };
  readonly log: Log;
}

/**
 * Makes this replica the active one, and no longer: it acts only while it holds the lease, and only after it has read what
 * the store held when the lease was won (safety.md 21).
 */
export class ActiveReplica {
  readonly #options: ActiveReplicaOptions;
  /** Counts terms, so that what was begun in one does not end in the next. */
  #term = 0;
  #isHolding = false;
  #isActive = false;
  #isRetired = false;
  /** Opening and closing of the intake, one after the other. */
  #turns: Promise<void> = Promise.resolve();

  constructor(options: ActiveReplicaOptions) {
    this.#options = options;
  }

  get isActive(): boolean {
    return this.#isActive && this.#options.lease.holds();
  }

  start(): void {
    this.#options.lease.compete({ won: () => this.#won(), lost: () => this.#lost() });
  }

  /** Gives the lease up for good, because this replica may not decide any more. */
  retire(reason: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    this.#options.log.error(reason, fields);
    void this.stop();
  }

  /** Stops acting and lets the lease go. Idempotent. */
  async stop(): Promise<void> {
    this.#lost();
    await this.#turns;
    await this.#options.lease.resign();
  }

  #won(): void {
    if (this.#isRetired) return;
    this.#isHolding = true;
    this.#term += 1;
    const term = this.#term;
    const isCurrent = () => this.#isHolding && this.#term === term;
    this.#turn(async () => {
      if (!isCurrent()) return;
      await this.#options.follower.caughtUp();
      if (!isCurrent()) return;
      this.#isActive = true;
      this.#options.log.info('this replica is the active one');
      this.#options.operations.activate();
      await this.#options.intake.open();
    });
  }

  #lost(): void {
    if (!this.#isHolding) return;
    this.#isHolding = false;
    this.#isActive = false;
    this.#options.operations.deactivate();
    this.#turn(async () => {
      await this.#options.intake.close();
      this.#options.log.info('this replica is no longer the active one');
    });
  }

  #turn(action: () => Promise<void>): void {
    this.#turns = this.#turns.then(action).catch((error: unknown) => {
      this.#options.log.error('changing between active and standby failed', { error });
    });
  }
}
