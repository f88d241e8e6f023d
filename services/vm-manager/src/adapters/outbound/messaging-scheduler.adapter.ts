import { placeAnswerSchema, type PlaceQuery } from '@drover/contracts';
import type { Messaging } from '@drover/messaging';
import { inSpan } from '@drover/observability';
import type { MessageTrace } from '@drover/operations';
import type { Scheduler, SchedulerAnswer } from '../../application/ports/scheduler.port.js';

/** How long one question waits; a repeat is the asker's, who counts the reservation from each. */
const ANSWER_MS = 5_000;

/** Asks `query.placement.place`. */
export class MessagingScheduler implements Scheduler {
  readonly #messaging: Messaging;
  readonly #subject: string;

  constructor(messaging: Messaging) {
    this.#messaging = messaging;
    this.#subject = messaging.subjects.query('placement', 'place');
  }

  async place(query: PlaceQuery, trace: MessageTrace): Promise<SchedulerAnswer> {
    const { operationId, causationId, signal, traceparent } = trace;
    const answer = await inSpan('place', { kind: 'client', traceparent, fields: { operationId } }, () =>
      this.#messaging.request(this.#subject, query, {
        ttlMs: ANSWER_MS,
        schema: placeAnswerSchema,
        operationId,
        causationId,
        signal,
      }),
    );
    if (answer.kind === 'answered') return answer.value;
    if (answer.rejection.code === 'SUPERSEDED') return { kind: 'already-placed' };
    return { kind: 'refused', rejection: answer.rejection };
  }
}
