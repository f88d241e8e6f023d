/** The right to be the one active writer among the replicas (safety.md 21). */
export interface Lease {
  /**
   * Takes the lease whenever it is free and keeps it. `won` is called each time it was taken, `lost` as soon as it is no longer
   * certain to be held; they alternate.
   */
  compete(holder: { won(): void; lost(): void }): void;
  /** Answered on this process's own clock, without asking anybody: looked at right before acting. */
  holds(): boolean;
  /** Lets it go and competes no more. Idempotent. */
  resign(): Promise<void>;
}

/** Takes commands and reports from the bus while this replica is the active one. */
export interface Intake {
  open(): Promise<void>;
  /** Resolves when nothing more is taken and what was taken has been answered. */
  close(): Promise<void>;
}
