import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { isKnownEvent, streamKindOf, streamKinds } from './catalogue.events.js';
import { storedEventSchema, type StoredEvent } from './envelope.schema.js';
import { eventUpcasters, newestVersion, upcastWith, type Upcaster } from './upcasters.events.js';

const folder = new URL('../../fixtures/events/', import.meta.url);
const types = [...new Set(streamKinds.flatMap(({ events }) => Object.keys(events)))];
const versions = types.flatMap((type) =>
  Array.from({ length: newestVersion(type) }, (_, index) => ({ type, version: index + 1 })),
);

function fixture(file: string): StoredEvent {
  return storedEventSchema.parse(JSON.parse(readFileSync(new URL(file, folder), 'utf8')));
}

/** Events are forever: what was once stored must be read by every later release. */
describe('every version of every event', () => {
  it('has a fixture, and no fixture is of anything else', () => {
    const expected = versions.map(({ type, version }) => `${type}.v${version}.json`);
    expect(readdirSync(folder).sort()).toEqual(expected.sort());
  });

  it.each(versions)('$type of version $version is still what the newest schema reads', ({ type, version }) => {
    const stored = fixture(`${type}.v${version}.json`);
    expect(stored).toMatchObject({ type, schemaVersion: version });
    const event = upcastWith(eventUpcasters)(stored);
    expect(event).toEqual({ ...stored, schemaVersion: newestVersion(type), data: event.data });
    expect(isKnownEvent(event)).toBe(true);
    // Equal, not merely accepted: a parser that adds or drops a field changes the meaning of what is stored.
    expect(streamKindOf(event.stream)?.events[type]?.parse(event.data)).toEqual(event.data);
  });

  it('before the newest has one upcaster, of a type that there is', () => {
    const stepsOf = (type: string) =>
      eventUpcasters.filter((upcaster) => upcaster.type === type).map(({ fromVersion }) => fromVersion);
    for (const type of types) {
      expect(stepsOf(type).sort((a, b) => a - b)).toEqual(stepsOf(type).map((_, index) => index + 1));
    }
    expect(types).toEqual(expect.arrayContaining(eventUpcasters.map(({ type }) => type)));
  });
});

describe('an event type', () => {
  const began = fixture('OperationBegan.v1.json');

  it('of operations is known in each kind that has operations, and in no other', () => {
    for (const { name, operations } of streamKinds) {
      expect(isKnownEvent({ ...began, stream: `${name}-1` })).toBe(operations.length > 0);
    }
  });

  it('is not known in a stream of another kind, of an undeclared kind, or in a later version', () => {
    const started = fixture('VmStarted.v1.json');
    expect(isKnownEvent({ ...started, stream: 'host-1' })).toBe(false);
    expect(isKnownEvent({ ...started, stream: 'martian-1' })).toBe(false);
    expect(isKnownEvent({ ...started, type: 'toString' })).toBe(false);
    expect(isKnownEvent({ ...started, schemaVersion: newestVersion('VmStarted') + 1 })).toBe(false);
  });

  it('that two kinds share has one schema in both, but for which operations there are', () => {
    const seen = new Map<string, unknown>();
    for (const { name, operations, events } of streamKinds) {
      for (const [type, schema] of Object.entries<z.ZodType>(events)) {
        const { properties = {}, ...rest } = z.toJSONSchema(schema, { unrepresentable: 'any' });
        const { kind, ...fields } = properties;
        const told = type === 'OperationBegan' ? { ...rest, fields } : { ...rest, properties };
        expect(seen.get(type) ?? told).toEqual(told);
        seen.set(type, told);
        if (type === 'OperationBegan')
          expect(kind).toMatchObject({ enum: operations.map((verb) => `${name}.${verb}`) });
      }
    }
  });
});

describe('upcasting', () => {
  const upcasters: readonly Upcaster[] = [
    { type: 'VmStarted', fromVersion: 2, upcast: (data) => ({ two: data }) },
    { type: 'VmStarted', fromVersion: 1, upcast: (data) => ({ one: data }) },
  ];
  const started = fixture('VmStarted.v1.json');

  it('goes step by step to the newest version, and leaves that and other types alone', () => {
    const upcast = upcastWith(upcasters);
    expect(upcast(started)).toEqual({ ...started, schemaVersion: 3, data: { two: { one: started.data } } });
    expect(upcast({ ...started, schemaVersion: 3 })).toEqual({ ...started, schemaVersion: 3 });
    const paused = fixture('VmPaused.v1.json');
    expect(upcast(paused)).toEqual(paused);
  });

  it('makes the newest version one more than the changes there were', () => {
    expect(newestVersion('VmStarted', upcasters)).toBe(3);
    expect(newestVersion('VmPaused', upcasters)).toBe(1);
  });

  it('refuses two upcasters for one version', () => {
    expect(() => upcastWith([...upcasters, ...upcasters])).toThrow('two upcasters for version 2 of VmStarted');
  });
});
