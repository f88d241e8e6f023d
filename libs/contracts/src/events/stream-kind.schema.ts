import type { z } from 'zod';
import type { BuiltService } from '../services.js';
import type { NewEvent, StoredEvent } from './envelope.schema.js';
import { operationEventSchemas, type OperationEventSchemas } from './operation.events.js';

type Schemas = Readonly<Record<string, z.ZodType>>;

/** What a kind says of itself. */
interface Declaration {
  /** First word of its streams. */
  readonly name: string;
  /** The one service that writes its streams and answers its commands. */
  readonly owner: BuiltService;
  /** Where the API has its things: `vms` in `/api/v1/vms`, `vms:read` and `vms:write`. Absent: shown with another kind's. */
  readonly collection?: string;
  /** The data of its own event types, in the newest version. */
  readonly events: Schemas;
  /** Payloads of `drover.command.<name>.<verb>`, by verb; each has a `commandId`. */
  readonly commands?: Schemas;
  /** The verbs that begin an operation. With any, events of operations may stand in its streams. */
  readonly operations?: readonly string[];
}

/**
 * One kind of thing whose history is a stream of its own, `<kind>-<id>`: a VM, a host. Declared once; permissions on NATS, the role in
 * PostgreSQL, subjects, read models and permissions of the API follow, and who folds, stores, relays or shows its events
 * takes from here what that needs.
 */
export interface StreamKind extends Required<Omit<Declaration, 'collection'>>, Pick<Declaration, 'collection'> {
  /** The data of every event type that may stand in its streams, those of operations included. */
  readonly events: Schemas;
}

type Verbs<Kind extends Declaration> = Kind['operations'] extends readonly (infer Verb extends string)[] ? Verb : never;

interface Declared<Kind extends Declaration> extends StreamKind {
  readonly name: Kind['name'];
  readonly collection?: Extract<Kind['collection'], string>;
  readonly events: [Verbs<Kind>] extends [never]
    ? Kind['events']
    : Kind['events'] & OperationEventSchemas<`${Kind['name']}.${Verbs<Kind>}`>;
  readonly commands: Kind['commands'] extends Schemas ? Kind['commands'] : Readonly<Record<never, z.ZodType>>;
  readonly operations: readonly Verbs<Kind>[];
}

export function streamKind<const Kind extends Declaration>(kind: Kind): Declared<Kind> {
  const { name, events, operations = [] } = kind;
  const began = operations.map((verb) => `${name}.${verb}`);
  const all = began.length === 0 ? events : { ...events, ...operationEventSchemas(began) };
  return { commands: {}, ...kind, operations, events: all } as object as Declared<Kind>;
}

/** `vm.create`: what the operations of a kind do. */
export type OperationKindOf<Kind extends StreamKind> = Kind extends StreamKind
  ? `${Kind['name']}.${Kind['operations'][number]}`
  : never;

/** A command of a kind. */
export type CommandOf<Kind extends StreamKind, Verb extends keyof Kind['commands'] = keyof Kind['commands']> = z.output<
  Kind['commands'][Verb]
>;

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
