import { applyDecorators, HttpCode, SetMetadata } from '@nestjs/common';
import type { ErrorCode } from '@drover/contracts';
import type { z } from 'zod';

export const permissions = [
  'vms:read',
  'vms:write',
  'hosts:read',
  'hosts:write',
  'operations:read',
  'operations:write',
  'cluster:read',
  'events:read',
  'admin:write',
] as const;
export type Permission = (typeof permissions)[number];

export interface AnswerDefinition {
  readonly description: string;
  readonly schema?: z.ZodType;
  readonly mediaType?: string;
}

/** Everything about a route: what may call it, what it takes, what it answers. Checks and documentation follow from it. */
export interface EndpointDefinition {
  readonly summary: string;
  readonly tag: string;
  /** `open` needs no token. */
  readonly permission: Permission | 'open';
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  /** Absent: the request has none. */
  readonly body?: z.ZodType;
  /** A body that works as it stands. */
  readonly example?: unknown;
  /** By HTTP status; the lowest is the default one. */
  readonly answers: Readonly<Record<number, AnswerDefinition>>;
  /** Beside those that every route may answer with. */
  readonly errors?: readonly ErrorCode[];
}

export const ENDPOINT = Symbol('endpoint');

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
