import type { z } from 'zod';
import type { NewEvent, StoredEvent } from './envelope.schema.js';
import { clusterEventSchemas, hostEventSchemas } from './host.events.js';
import { operationEventSchemas } from './operation.events.js';
import { newestVersion } from './upcasters.events.js';
import { vmEventSchemas } from './vm.events.js';

type DataOf<Schemas extends Record<string, z.ZodType>> = {
  [Type in keyof Schemas & string]: z.output<Schemas[Type]>;
};

type NewOf<Data> = { [Type in keyof Data & string]: NewEvent<Type, Data[Type]> }[keyof Data & string];
type StoredOf<Data> = { [Type in keyof Data & string]: StoredEvent<Type, Data[Type]> }[keyof Data & string];
type FactOf<Data> = {
  [Type in keyof Data & string]: { readonly type: Type; readonly data: Data[Type] };
}[keyof Data & string];

/** Events of `vm-*` streams: the VM's and those of operations on it. */
export const vmStreamSchemas = { ...vmEventSchemas, ...operationEventSchemas } as const;
/** Events of `host-*` streams. */
export const hostStreamSchemas = hostEventSchemas;
export const clusterStreamSchemas = clusterEventSchemas;

export type VmStreamData = DataOf<typeof vmStreamSchemas>;
export type HostStreamData = DataOf<typeof hostStreamSchemas>;
export type ClusterStreamData = DataOf<typeof clusterStreamSchemas>;

/** What a decider decides: type and data, before the envelope. */
export type VmFact = FactOf<VmStreamData>;
export type HostFact = FactOf<HostStreamData>;
export type ClusterFact = FactOf<ClusterStreamData>;

export type NewVmEvent = NewOf<VmStreamData>;
export type StoredVmEvent = StoredOf<VmStreamData>;
export type StoredHostEvent = StoredOf<HostStreamData>;
export type StoredClusterEvent = StoredOf<ClusterStreamData>;

/** Every event type with its newest schema version, in which it is written, and the stream kind it stands in. */
export const eventCatalogue = {
  ...entries('vm', vmStreamSchemas),
  ...entries('host', hostStreamSchemas),
  ...entries('cluster', clusterStreamSchemas),
} as const satisfies Record<string, CatalogueEntry>;

interface CatalogueEntry {
  readonly streamKind: string;
  readonly schemaVersion: number;
  readonly data: z.ZodType;
}

export type EventType = keyof typeof eventCatalogue;

function entries<Schemas extends Record<string, z.ZodType>>(streamKind: string, schemas: Schemas) {
  return Object.fromEntries(
    Object.entries(schemas).map(([type, data]) => [type, { streamKind, schemaVersion: newestVersion(type), data }]),
  ) as { [Type in keyof Schemas]: { streamKind: string; schemaVersion: number; data: Schemas[Type] } };
}

/**
 * Whether this code knows the event's type and version. A service that decides on the stream must give up its lease
 * when it meets one that it does not know (safety.md 23).
 */
export function isKnownEvent(event: Pick<StoredEvent, 'type' | 'schemaVersion' | 'stream'>): boolean {
  if (!Object.hasOwn(eventCatalogue, event.type)) return false;
  const entry = eventCatalogue[event.type as EventType];
  return entry.schemaVersion >= event.schemaVersion && event.stream.startsWith(`${entry.streamKind}-`);
}
