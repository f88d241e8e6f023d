import type { RebuildStatus } from '@drover/contracts';

/** Rebuilding the read model from the event store. */
export interface Rebuilds {
  /** Begins one, or joins the one under way. */
  start(): RebuildStatus;
  /** The newest of this process. */
  readonly status: RebuildStatus;
}
