import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { emptyBodySchema } from '@drover/contracts';
import { z } from 'zod';
import type { Caller } from '../../../application/caller.js';
import { refuseUnknownProject } from '../../../application/known-project.policy.js';
import type { DroverRequest } from './drover-request.js';
import { endpointOf, type EndpointDefinition } from './endpoint.js';
import { parsePart } from './parse-part.js';

type PartOf<Definition, Part extends string> =
  Definition extends Readonly<Record<Part, infer Schema extends z.ZodType>> ? z.output<Schema> : undefined;

/** What a handler is given: every part of the request read by the schemas of its endpoint. */
export interface InputOf<Definition extends EndpointDefinition> {
  readonly params: PartOf<Definition, 'params'>;
  readonly query: PartOf<Definition, 'query'>;
  readonly body: PartOf<Definition, 'body'>;
  readonly caller: Caller;
}

const nothing = z.strictObject({});

/** Reads the request by the definition of the route's endpoint; what does not fit is refused, all fields at once. */
export const Input = createParamDecorator((_data: unknown, context: ExecutionContext) => {
  const definition = endpointOf(context.getHandler());
  const request = context.switchToHttp().getRequest<DroverRequest>();
  const input = {
    params: parsePart('path', definition?.params ?? nothing, { ...(request.params as object) }),
    query: parsePart('query', definition?.query ?? nothing, { ...(request.query as object) }),
    // No body at all is an empty one: `curl -X POST …/start`.
    body: parsePart('body', definition?.body ?? emptyBodySchema, request.body ?? (request.body === null ? null : {})),
    caller: request.caller,
  };
  refuseUnknownProject(input.query, '?project');
  refuseUnknownProject(input.body, '/project');
  return input;
});
