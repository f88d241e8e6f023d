import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { errors, idempotencyKeySchema, positionSchema, refuse, restHeaders } from '@drover/contracts';
import { z } from 'zod';
import type { ReadPosition } from '../../../application/ports/read-position.port.js';
import { refuseForeignPosition } from '../../../application/event-query.policy.js';
import type { DroverRequest } from './drover-request.js';
import { endpointOf, permissionOf } from './endpoint.js';
import { parsePart } from './parse-part.js';

const headersSchema = z.object({
  [restHeaders.position]: positionSchema.optional(),
  [restHeaders.idempotencyKey]: idempotencyKeySchema.optional(),
});

/**
 * Lets a request through that its route's permission allows, once the read model has come to the position that
 * the client knows of. A route that declares no permission is closed.
 */
export class AccessGuard implements CanActivate {
  readonly #position: ReadPosition;
  readonly #longestWaitMs: number;

  constructor(position: ReadPosition, longestWaitMs: number) {
    this.#position = position;
    this.#longestWaitMs = longestWaitMs;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const permission = permissionOf(context.getHandler());
    if (permission === undefined) return refuse(errors.FORBIDDEN('this route declares no permission'));
    if (permission === 'public') return true;
    const request = context.switchToHttp().getRequest<DroverRequest>();
    // `authenticateRequests` has refused such a request before its body was read; this closes what it may not know of.
    const { principal } = request;
    if (principal?.may(permission) !== true)
      return refuse(errors.UNAUTHENTICATED('no token was sent, or it is unknown'));
    const headers = parsePart('header', headersSchema, request.headers);
    const idempotencyKey = headers[restHeaders.idempotencyKey];
    request.caller = {
      principal: principal.name,
      requestId: request.id,
      sourceIp: request.ip,
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    };
    const position = headers[restHeaders.position];
    if (position === undefined) return true;
    const resources = endpointOf(context.getHandler())?.showsOnly;
    if ((await this.#position.waitFor(position, this.#longestWaitMs, resources)) === 'reached') return true;
    refuseForeignPosition(position, await this.#position.head(), restHeaders.position);
    throw errors.NOT_YET('not-applied', `the read model has not come to ${position} in ${this.#longestWaitMs} ms`);
  }
}
