import { kindOfStream, type StoredEvent } from './envelope.schema.js';
import { clusterEventSchemas, hostEventSchemas } from './host.events.js';
import {
  kindWithOperations,
  kindWithoutOperations,
  type DataOf,
  type FactOf,
  type NewEventOf,
  type StoredEventOf,
  type StreamKind,
} from './stream-kind.schema.js';
import { straysEventSchemas } from './strays.events.js';
import { newestVersion } from './upcasters.events.js';
import { vmEventSchemas } from './vm.events.js';

export const vmKind = kindWithOperations('vm', vmEventSchemas);
export const hostKind = kindWithoutOperations('host', hostEventSchemas);
export const clusterKind = kindWithoutOperations('cluster', clusterEventSchemas);
/** What one host has of VMs that are not there; the id of the stream is the host's. */
export const straysKind = kindWithoutOperations('strays', straysEventSchemas);

/** Every kind of stream that this release knows. */
export const streamKinds = [vmKind, hostKind, clusterKind, straysKind] as const;

export type VmStreamData = DataOf<typeof vmKind>;
export type HostStreamData = DataOf<typeof hostKind>;

export type VmFact = FactOf<typeof vmKind>;
export type HostFact = FactOf<typeof hostKind>;
export type ClusterFact = FactOf<typeof clusterKind>;
export type StraysFact = FactOf<typeof straysKind>;

export type NewVmEvent = NewEventOf<typeof vmKind>;
export type StoredVmEvent = StoredEventOf<typeof vmKind>;
export type StoredHostEvent = StoredEventOf<typeof hostKind>;
export type StoredClusterEvent = StoredEventOf<typeof clusterKind>;
export type StoredStraysEvent = StoredEventOf<typeof straysKind>;

const kindByName: ReadonlyMap<string, StreamKind> = new Map(streamKinds.map((kind) => [kind.name, kind]));

/** The declared kind of a stream; undefined where this release knows none of that name. */
export function streamKindOf(stream: string): StreamKind | undefined {
  return kindByName.get(kindOfStream(stream));
}

/**
 * Whether this code knows the event's type in a stream of this kind, and its version. A service that decides on the stream
 * must give up its lease when it meets one that it does not know (safety.md 23).
 */
export function isKnownEvent({
  type,
  schemaVersion,
  stream,
}: Pick<StoredEvent, 'type' | 'schemaVersion' | 'stream'>): boolean {
  const kind = streamKindOf(stream);
  return kind !== undefined && Object.hasOwn(kind.events, type) && newestVersion(type) >= schemaVersion;
}
