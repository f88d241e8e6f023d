import type { StoredEvent } from './envelope.schema.js';

/** Turns the data of one schema version of one event type into that of the next. Pure; the stored event stays as it is. */
export interface Upcaster {
  readonly type: string;
  readonly fromVersion: number;
  readonly upcast: (data: unknown) => unknown;
}

/**
 * Every change that the data of a type has seen, from version 1 on without gaps. The newest version of a type follows from it, so
 * none can be raised without an upcaster; each version also has a fixture, which a spec demands.
 */
export const eventUpcasters: readonly Upcaster[] = [];

/** The version in which events of this type are written today. */
export function newestVersion(type: string, upcasters: readonly Upcaster[] = eventUpcasters): number {
  return 1 + upcasters.filter((upcaster) => upcaster.type === type).length;
}

/** What an event store does to every event between storage and reader. */
export type Upcast = (event: StoredEvent) => StoredEvent;

/** Applies the upcasters one after the other until none fits: version 1 becomes 2, 2 becomes 3. */
export function upcastWith(upcasters: readonly Upcaster[]): Upcast {
  const byVersion = new Map<string, Upcaster>();
  for (const upcaster of upcasters) {
    const key = `${upcaster.type} ${upcaster.fromVersion}`;
    if (byVersion.has(key)) throw new Error(`two upcasters for version ${upcaster.fromVersion} of ${upcaster.type}`);
    byVersion.set(key, upcaster);
  }
  if (byVersion.size === 0) return (event) => event;
  return (event) => {
    let current = event;
    for (;;) {
      const upcaster = byVersion.get(`${current.type} ${current.schemaVersion}`);
      if (upcaster === undefined) return current;
      current = { ...current, schemaVersion: current.schemaVersion + 1, data: upcaster.upcast(current.data) };
    }
  };
}
