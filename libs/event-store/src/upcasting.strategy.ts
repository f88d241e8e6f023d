import type { StoredEvent } from '@drover/contracts';

/** Turns the data of one schema version of one event type into that of the next. Pure; the stored event stays as it is. */
export interface Upcaster {
  readonly type: string;
  readonly fromVersion: number;
  readonly upcast: (data: unknown) => unknown;
}

/** What an adapter does to every event between storage and reader. */
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
