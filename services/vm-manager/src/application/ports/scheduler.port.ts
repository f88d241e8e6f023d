import type { PlaceAnswer, PlaceQuery, Rejection } from '@drover/contracts';
import type { MessageTrace } from '@drover/operations';

export type SchedulerAnswer =
  | PlaceAnswer
  /** The store shows a placement by this reservation already: it has to be read, not asked for. */
  | { readonly kind: 'already-placed' }
  /** The question itself was refused; asked again it is refused again. */
  | { readonly kind: 'refused'; readonly rejection: Rejection };

/** Chooses hosts. Repeated with the same reservation it answers alike. Faults may be asked again. */
export interface Scheduler {
  place(query: PlaceQuery, trace: MessageTrace): Promise<SchedulerAnswer>;
}
