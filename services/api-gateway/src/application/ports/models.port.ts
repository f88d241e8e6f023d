import type { ModelStatus, RebuildStatus } from '@drover/contracts';

/** The models that together are the read model. */
export interface Models {
  list(): readonly ModelStatus[];
  /** Builds one anew from the event store, or joins its rebuild that is under way; undefined where there is no such model. */
  rebuild(name: string): RebuildStatus | undefined;
}

export const MODELS = Symbol('Models');
