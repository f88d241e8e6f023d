import { z } from 'zod';
import { hostCommandSchemas } from '../commands/host.commands.js';
import { imageCommandSchemas } from '../commands/image.commands.js';
import { vmVerbNames } from '../commands/vm-verbs.schema.js';
import { forgetOrdersSchema, vmCommandSchemas } from '../commands/vm.commands.js';
import type { ServiceName } from '../services.js';
import { kindOfStream, type StoredEvent } from './envelope.schema.js';
import { clusterEventSchemas, hostEventSchemas } from './host.events.js';
import { imageEventSchemas } from './image.events.js';
import {
  streamKind,
  type DataOf,
  type FactOf,
  type NewEventOf,
  type OperationKindOf,
  type StoredEventOf,
  type StreamKind,
} from './stream-kind.schema.js';
import { straysEventSchemas } from './strays.events.js';
import { newestVersion } from './upcasters.events.js';
import { vmEventSchemas } from './vm.events.js';

export const vmKind = streamKind({
  name: 'vm',
  owner: 'vm-manager',
  collection: 'vms',
  events: vmEventSchemas,
  commands: { ...vmCommandSchemas, 'forget-orders': forgetOrdersSchema },
  operations: ['create', ...vmVerbNames],
});
export const hostKind = streamKind({
  name: 'host',
  owner: 'ha-manager',
  collection: 'hosts',
  events: hostEventSchemas,
  commands: hostCommandSchemas,
});
export const clusterKind = streamKind({ name: 'cluster', owner: 'ha-manager', events: clusterEventSchemas });
/** What one host has of VMs that are not there; the id of the stream is the host's. */
export const straysKind = streamKind({ name: 'strays', owner: 'vm-manager', events: straysEventSchemas });
export const imageKind = streamKind({
  name: 'image',
  owner: 'vm-manager',
  collection: 'images',
  events: imageEventSchemas,
  commands: imageCommandSchemas,
  operations: ['register'],
});

/** Every kind of stream that this release knows. */
export const streamKinds = [vmKind, hostKind, clusterKind, straysKind, imageKind] as const;
export type DeclaredKind = (typeof streamKinds)[number];
export type KindName = DeclaredKind['name'];
export type KindNamed<Name extends KindName> = Extract<DeclaredKind, { readonly name: Name }>;

/** The kinds whose streams a service writes, and no other; it answers their commands. */
export function kindsOwnedBy(service: ServiceName): readonly StreamKind[] {
  return streamKinds.filter(({ owner }) => owner === service);
}

export type OperationKind = OperationKindOf<DeclaredKind>;
/** What an operation does, of any kind: `vm.create`. */
export const operationKindSchema = z.enum(
  streamKinds.flatMap(({ name, operations }) => operations.map((verb) => `${name}.${verb}` as OperationKind)),
);

export type VmStreamData = DataOf<typeof vmKind>;
export type HostStreamData = DataOf<typeof hostKind>;

export type VmFact = FactOf<typeof vmKind>;
export type HostFact = FactOf<typeof hostKind>;
export type ClusterFact = FactOf<typeof clusterKind>;
export type StraysFact = FactOf<typeof straysKind>;
export type ImageFact = FactOf<typeof imageKind>;

export type NewVmEvent = NewEventOf<typeof vmKind>;
export type StoredVmEvent = StoredEventOf<typeof vmKind>;
export type StoredHostEvent = StoredEventOf<typeof hostKind>;
export type StoredClusterEvent = StoredEventOf<typeof clusterKind>;
export type StoredStraysEvent = StoredEventOf<typeof straysKind>;
export type StoredImageEvent = StoredEventOf<typeof imageKind>;

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
