import type { PlaceAnswer, PlaceQuery } from '@drover/contracts';
import type { MessageTrace } from '@drover/operations';
import type { RefusedQuestion } from '../../domain/process/placement.process.js';

export type SchedulerAnswer =
  | PlaceAnswer
  /** The store shows a placement by this reservation already: it has to be read, not asked for. */
  | { readonly kind: 'already-placed' }
  | RefusedQuestion;

/** Chooses hosts. Repeated with the same reservation it answers alike. Faults may be asked again. */
export interface Scheduler {
  place(query: PlaceQuery, trace: MessageTrace): Promise<SchedulerAnswer>;
}
