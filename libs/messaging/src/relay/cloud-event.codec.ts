import { kindOfStream, streamSubjectId, type StoredEvent, type Subjects } from '@drover/contracts';
import { z } from 'zod';

/** Where an event is published: `system` stands where no project owns it. */
export function eventSubject(subjects: Subjects, event: StoredEvent): string {
  const { stream, type, meta } = event;
  return subjects.event(meta.projectId ?? 'system', kindOfStream(stream), streamSubjectId(stream), type);
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
    source: `${sourcePrefix(subjects)}${event.stream}`,
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

/** Which event of the store a published one is. */
export interface EventReference {
  readonly id: string;
  readonly stream: string;
  readonly revision: number;
}

const referenceSchema = z.object({ id: z.string(), source: z.string(), revision: z.int().min(0) });

/** Undefined for what `cloudEventOf` does not make. */
export function readReference(subjects: Subjects, cloudEvent: unknown): EventReference | undefined {
  const { success, data } = referenceSchema.safeParse(cloudEvent);
  if (!success || !data.source.startsWith(sourcePrefix(subjects))) return undefined;
  const { id, source, revision } = data;
  return { id, stream: source.slice(sourcePrefix(subjects).length), revision };
}

function sourcePrefix({ prefix }: Subjects): string {
  return `/${prefix}/streams/`;
}
