import type { z } from 'zod';
import type { NewEvent, StoredEvent } from './envelope.schema.js';
import { operationEventSchemas } from './operation.events.js';

type Schemas = Readonly<Record<string, z.ZodType>>;

/**
 * One kind of thing whose history is a stream of its own, `<kind>-<id>`: a VM, a host. Declared once; who folds, stores,
 * relays or shows its events takes what it needs from the declaration.
 */
export interface StreamKind<Name extends string = string, Events extends Schemas = Schemas> {
  readonly name: Name;
  /** The data of every event type that may stand in its streams, those of operations included, in the newest version. */
  readonly events: Events;
  /** Whether operations work on its things, so that `Operation…` events stand in its streams. */
  readonly hasOperations: boolean;
}

/** A kind with operations: theirs stand among its own events. */
export function kindWithOperations<Name extends string, Events extends Schemas>(
  name: Name,
  events: Events,
): StreamKind<Name, Events & typeof operationEventSchemas> {
  return { name, events: { ...events, ...operationEventSchemas }, hasOperations: true };
}

/** A kind whose commands are decided and done in one append. */
export function kindWithoutOperations<Name extends string, Events extends Schemas>(
  name: Name,
  events: Events,
): StreamKind<Name, Events> {
  return { name, events, hasOperations: false };
}

type Types<Kind extends StreamKind> = keyof Kind['events'] & string;

/** Data by event type. */
export type DataOf<Kind extends StreamKind> = { readonly [Type in Types<Kind>]: z.output<Kind['events'][Type]> };

/** What a decider decides: type and data, before the envelope. */
export type FactOf<Kind extends StreamKind> = {
  [Type in Types<Kind>]: { readonly type: Type; readonly data: z.output<Kind['events'][Type]> };
}[Types<Kind>];

export type NewEventOf<Kind extends StreamKind> = {
  [Type in Types<Kind>]: NewEvent<Type, z.output<Kind['events'][Type]>>;
}[Types<Kind>];

export type StoredEventOf<Kind extends StreamKind> = {
  [Type in Types<Kind>]: StoredEvent<Type, z.output<Kind['events'][Type]>>;
}[Types<Kind>];
