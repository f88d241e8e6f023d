import {
  newestVersion,
  type Actor,
  type EventId,
  type NewEvent,
  type OperationId,
  type Position,
  type ProjectId,
  type StoredEvent,
} from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';

/** What a decider decides: type and data, before the envelope. */
export interface Fact {
  readonly type: string;
  readonly data: unknown;
}

/** Who and what facts follow from. */
export interface Origin {
  readonly actor: Actor;
  /** Of the command, report or event: the ids of the events are derived from it, so that a repeat is recognised. */
  readonly causationId: string;
  /** What the writer's clock says; information only. */
  readonly atMs: number;
  readonly projectId?: ProjectId | undefined;
  /** For facts that do not name their operation themselves. */
  readonly operationId?: OperationId | undefined;
  readonly traceparent?: string | undefined;
  /** Of the command, so that its id cannot come again with another one. */
  readonly requestDigest?: string | undefined;
}

/** The id of a fact that follows from a cause. A decision never holds two facts of one type. */
export function eventIdAfter(causationId: string, type: string): EventId {
  return derivedId(causationId, type) as EventId;
}

/**
 * Facts as events to append. Throws where two would have the same id.
 *
 * @param idOf of a fact, where its type and the cause do not tell it from others.
 */
export function newEvents<SomeFact extends Fact>(
  facts: readonly SomeFact[],
  origin: Origin,
  idOf: (fact: SomeFact, index: number) => EventId = ({ type }) => eventIdAfter(origin.causationId, type),
): readonly NewEvent[] {
  const ids = facts.map(idOf);
  if (new Set(ids).size < ids.length) {
    throw new Error(`two facts would get the same event id: ${facts.map(({ type }) => type).join(', ')}`);
  }
  const at = new Date(origin.atMs).toISOString();
  return facts.map(({ type, data }, index) => {
    const operationId = operationIdOf(data) ?? origin.operationId;
    return {
      id: ids[index] as EventId,
      type,
      schemaVersion: newestVersion(type),
      data,
      meta: {
        at,
        actor: origin.actor,
        ...(origin.projectId === undefined ? {} : { projectId: origin.projectId }),
        ...(operationId === undefined ? {} : { operationId }),
        causationId: origin.causationId,
        ...(origin.traceparent === undefined ? {} : { traceparent: origin.traceparent }),
        ...(origin.requestDigest === undefined ? {} : { requestDigest: origin.requestDigest }),
      },
    };
  });
}

/**
 * Events as the store holds them once their append was acknowledged. Their writer knows neither `recordedAt`, for which it
 * takes its own time, nor any position but the last, until the feed brings them.
 */
export function storedAs(
  events: readonly NewEvent[],
  stream: string,
  last: { readonly revision: number; readonly position: Position },
): readonly StoredEvent[] {
  const first = last.revision - events.length + 1;
  return events.map((event, index) => ({
    ...event,
    stream,
    revision: first + index,
    position: last.position,
    recordedAt: event.meta.at,
  }));
}

function operationIdOf(data: unknown): OperationId | undefined {
  return typeof data === 'object' && data !== null && 'operationId' in data
    ? (data.operationId as OperationId)
    : undefined;
}
