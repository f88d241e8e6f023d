import {
  newestVersion,
  streamSubjectId,
  type Actor,
  type EventId,
  type NewVmEvent,
  type OperationId,
  type ProjectId,
  type StoredVmEvent,
  type VmFact,
  type VmId,
} from '@drover/contracts';
import { derivedId } from '@drover/domain-kit';

/** Who and what facts follow from. */
export interface Origin {
  readonly actor: Actor;
  readonly causationId: string;
  readonly atMs: number;
  readonly projectId?: ProjectId | undefined;
  /** For facts that do not name their operation themselves. */
  readonly operationId?: OperationId | undefined;
  readonly traceparent?: string | undefined;
  /** Of the command that the facts follow from. */
  readonly requestDigest?: string | undefined;
}

export const vmManager: Actor = { kind: 'service', id: 'vm-manager' };

export function streamOf(vmId: VmId): string {
  return `vm-${vmId}`;
}

export function vmIdOfStream(stream: string): VmId {
  return streamSubjectId(stream) as VmId;
}

/** The id of a fact that follows from a command or an event; a decision never holds two facts of one type. */
export function eventIdAfter(causeId: string, fact: VmFact): EventId {
  return derivedId(causeId, fact.type) as EventId;
}

/** Facts as events to append. */
export function eventsOf(
  facts: readonly VmFact[],
  origin: Origin,
  idOf: (fact: VmFact, index: number) => EventId = (fact) => eventIdAfter(origin.causationId, fact),
): readonly NewVmEvent[] {
  const at = new Date(origin.atMs).toISOString();
  return facts.map((fact, index) => {
    const operationId = 'operationId' in fact.data ? fact.data.operationId : origin.operationId;
    const meta = {
      at,
      actor: origin.actor,
      ...(origin.projectId === undefined ? {} : { projectId: origin.projectId }),
      ...(operationId === undefined ? {} : { operationId }),
      causationId: origin.causationId,
      ...(origin.traceparent === undefined ? {} : { traceparent: origin.traceparent }),
      ...(origin.requestDigest === undefined ? {} : { requestDigest: origin.requestDigest }),
    };
    return {
      id: idOf(fact, index),
      type: fact.type,
      schemaVersion: newestVersion(fact.type),
      data: fact.data,
      meta,
    } as NewVmEvent;
  });
}

/**
 * Events as the store holds them once the append was acknowledged. The store's `recordedAt` is not known to the writer, who
 * takes his own time until he reads the event back.
 */
export function storedAs(
  events: readonly NewVmEvent[],
  stream: string,
  last: { readonly revision: number; readonly position: StoredVmEvent['position'] },
): readonly StoredVmEvent[] {
  const first = last.revision - events.length + 1;
  return events.map((event, index) => ({
    ...event,
    stream,
    revision: first + index,
    position: last.position,
    recordedAt: event.meta.at,
  }));
}
