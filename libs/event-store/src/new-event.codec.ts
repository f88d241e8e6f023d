import { MAX_EVENT_BYTES, streamNameSchema, type NewEvent } from '@drover/contracts';
import type { ExpectedRevision } from './event-store.port.js';

/** An event whose payload is JSON text already, so that the caller may change its objects once `append` was called. */
export interface EncodedEvent {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: string;
  readonly meta: string;
}

/** What the envelope adds to data, meta, stream and type: keys, ids, position, time; counted at its largest. */
const envelopeBytes = 256;
/** PostgreSQL reads JSON by recursion, and refuses what would take all of its stack. */
const deepestNesting = 200;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Throws on whatever no caller may send: these are defects, not answers. */
export function encodeEvents(stream: string, events: readonly NewEvent[]): readonly EncodedEvent[] {
  if (!streamNameSchema.safeParse(stream).success) throw new Error(`not a stream name: ${JSON.stringify(stream)}`);
  if (events.length === 0) throw new Error(`nothing to append to ${stream}`);
  if (new Set(events.map((event) => event.id)).size < events.length) {
    throw new Error(`an event id occurs twice in one append to ${stream}`);
  }
  return events.map((event) => encodeEvent(stream, event));
}

function encodeEvent(stream: string, event: NewEvent): EncodedEvent {
  const { id, type, schemaVersion } = event;
  if (!uuid.test(id)) throw new Error(`not an event id: ${JSON.stringify(id)}`);
  if (type.length < 1 || type.length > 100 || type.includes('\0')) throw new Error(`not an event type: ${type}`);
  if (!isSmallInteger(schemaVersion) || schemaVersion < 1) {
    throw new Error(`not a schema version of ${type}: ${schemaVersion}`);
  }
  const data = toJson(event.data, `data of ${type} ${id}`);
  const meta = toJson(event.meta, `meta of ${type} ${id}`);
  const bytes =
    envelopeBytes + stream.length + [type, data, meta].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (isNestedTooDeeply(data) || isNestedTooDeeply(meta)) {
    throw new Error(`${type} ${id} is nested deeper than ${deepestNesting} levels`);
  }
  if (bytes > MAX_EVENT_BYTES) throw new Error(`${type} ${id} has ${bytes} bytes; ${MAX_EVENT_BYTES} are allowed`);
  return { id, type, schemaVersion, data, meta };
}

function toJson(value: unknown, what: string): string {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new Error(`${what} cannot be written as JSON`);
  return text;
}

function isNestedTooDeeply(json: string): boolean {
  if (json.length < 2 * deepestNesting) return false;
  let depth = 0;
  let isInString = false;
  for (let index = 0; index < json.length; index += 1) {
    const character = json[index];
    if (isInString) {
      if (character === '\\') index += 1;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === '[' || character === '{') depth += 1;
    else if (character === ']' || character === '}') depth -= 1;
    if (depth > deepestNesting) return true;
  }
  return false;
}

/** A revision that is none would otherwise look like a conflict for ever. */
export function checkExpectedRevision(expected: ExpectedRevision): void {
  if (expected === 'any' || expected === 'no-stream') return;
  if (!isSmallInteger(expected) || expected < 0) throw new Error(`not an expected revision: ${expected}`);
}

function isSmallInteger(value: number): boolean {
  return Number.isInteger(value) && value < 2 ** 31;
}
