import { streamKind, streamSubjectId, type StoredEvent, type Subjects } from '@drover/contracts';

/** Where an event is published: `system` stands where no project owns it. */
export function eventSubject(subjects: Subjects, event: StoredEvent): string {
  const { stream, type, meta } = event;
  return subjects.event(meta.projectId ?? 'system', streamKind(stream), streamSubjectId(stream), type);
}

/**
 * A stored event as CloudEvents 1.0 in JSON (structured mode). What CloudEvents has no word for are extension attributes,
 * whose names may only be lower-case letters and digits.
 */
export function cloudEventOf(subjects: Subjects, event: StoredEvent): Record<string, unknown> {
  const { meta } = event;
  return {
    specversion: '1.0',
    id: event.id,
    source: `/${subjects.prefix}/streams/${event.stream}`,
    type: event.type,
    subject: streamSubjectId(event.stream),
    time: event.recordedAt,
    datacontenttype: 'application/json',
    position: event.position,
    revision: event.revision,
    schemaversion: event.schemaVersion,
    actorkind: meta.actor.kind,
    actorid: meta.actor.id,
    ...(meta.projectId === undefined ? {} : { projectid: meta.projectId }),
    ...(meta.operationId === undefined ? {} : { operationid: meta.operationId }),
    ...(meta.causationId === undefined ? {} : { causationid: meta.causationId }),
    ...(meta.traceparent === undefined ? {} : { traceparent: meta.traceparent }),
    data: event.data,
  };
}
