import { Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Permission, Serves, type EndpointDefinition } from './endpoint.js';
import { Input } from './input.decorator.js';

interface ActsOn<Request> {
  act(request: Request, reply: FastifyReply): Promise<unknown>;
}

/** Gives a controller a route `POST <verb>` for each verb of a table: as a method with these decorators would be written. */
export function serveVerbs<Verb extends string, Request>(
  { prototype }: { readonly prototype: ActsOn<Request> },
  verbs: readonly Verb[],
  permission: Permission,
  endpointOf: (verb: Verb) => EndpointDefinition,
): void {
  for (const verb of verbs) {
    const value = function (this: ActsOn<Request>, request: Request, reply: FastifyReply) {
      return this.act(request, reply);
    };
    const method = { value, configurable: true, writable: true };
    Object.defineProperty(prototype, verb, method);
    for (const decorate of [Post(verb), Permission(permission), Serves(endpointOf(verb))]) {
      decorate(prototype, verb, method);
    }
    Input()(prototype, verb, 0);
    Res({ passthrough: true })(prototype, verb, 1);
  }
}
