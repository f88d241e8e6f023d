import { applyDecorators, HttpCode, SetMetadata } from '@nestjs/common';
import { streamKinds, type DeclaredKind, type ErrorCode } from '@drover/contracts';
import type { z } from 'zod';

/** Each collection of things may be read and be written. */
type OfThings = `${Extract<DeclaredKind['collection'], string>}:${'read' | 'write'}`;
const ofThings = streamKinds.flatMap(({ collection }) =>
  collection === undefined ? [] : ([`${collection}:read`, `${collection}:write`] as readonly OfThings[]),
);
const ofOthers = ['operations:read', 'operations:write', 'cluster:read', 'events:read', 'admin:write'] as const;

export type Permission = OfThings | (typeof ofOthers)[number];
export const permissions: readonly Permission[] = [...ofThings, ...ofOthers];

export interface AnswerDefinition {
  readonly description: string;
  readonly schema?: z.ZodType;
  readonly mediaType?: string;
}

/** Everything about a route: what may call it, what it takes, what it answers. Checks and documentation follow from it. */
export interface EndpointDefinition {
  readonly summary: string;
  readonly tag: string;
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  /** Absent: the request has none. */
  readonly body?: z.ZodType;
  /** A body that works as it stands. */
  readonly example?: unknown;
  /** By HTTP status; the lowest is the default one. */
  readonly answers: Readonly<Record<number, AnswerDefinition>>;
  /** The resources that its answers are made of, for whose models alone it waits; absent: any. */
  readonly showsOnly?: readonly string[];
  /** In addition to those that every route may answer with. */
  readonly errors?: readonly ErrorCode[];
}

const ENDPOINT = Symbol('endpoint');
const PERMISSION = Symbol('permission');

/** Keeps the exact types of the schemas. */
export function endpoint<const Definition extends EndpointDefinition>(definition: Definition): Definition {
  return definition;
}

/** Binds a handler to its definition. A handler without one is never called. */
export function Serves(definition: EndpointDefinition): MethodDecorator {
  const [status = '200'] = Object.keys(definition.answers);
  return applyDecorators(SetMetadata(ENDPOINT, definition), HttpCode(Number(status)));
}

export function endpointOf(handler: object): EndpointDefinition | undefined {
  return Reflect.getMetadata(ENDPOINT, handler) as EndpointDefinition | undefined;
}

/** What a token needs to call the route. */
export function Permission(permission: Permission): MethodDecorator {
  return SetMetadata(PERMISSION, permission);
}

/** The route needs no token. */
export function Public(): MethodDecorator {
  return SetMetadata(PERMISSION, 'public');
}

/** Undefined is a mistake: such a route is closed. */
export function permissionOf(handler: object): Permission | 'public' | undefined {
  return Reflect.getMetadata(PERMISSION, handler) as Permission | 'public' | undefined;
}
