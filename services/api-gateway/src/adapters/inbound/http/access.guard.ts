import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { Fault, idempotencyKeySchema, positionSchema, restHeaders } from '@drover/contracts';
import { z } from 'zod';
import type { ReadPosition } from '../../../application/ports/fleet-reads.port.js';
import { refuse } from '../../../application/refused.js';
import type { DroverRequest } from './drover-request.js';
import { permissionOf } from './endpoint.js';
import { parsePart } from './parse-part.js';
import type { Tokens } from './tokens.js';

const headersSchema = z.object({
  [restHeaders.position]: positionSchema.optional(),
  [restHeaders.idempotencyKey]: idempotencyKeySchema.optional(),
});

/**
 * Lets a request through that its route's permission allows, and not before the read model has come to the position that
 * the client knows of. A route that declares no permission is closed.
 */
export class AccessGuard implements CanActivate {
  readonly #tokens: Tokens;
  readonly #position: ReadPosition;
  readonly #longestWaitMs: number;

  constructor(tokens: Tokens, position: ReadPosition, longestWaitMs: number) {
    this.#tokens = tokens;
    this.#position = position;
    this.#longestWaitMs = longestWaitMs;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const permission = permissionOf(context.getHandler());
    if (permission === undefined) return refuse('FORBIDDEN', 'this route declares no permission');
    if (permission === 'public') return true;
    const request = context.switchToHttp().getRequest<DroverRequest>();
    const principal = this.#tokens.bearerOf(request.headers.authorization);
    if (principal === undefined) return refuse('UNAUTHENTICATED', 'there is no token, or nobody bears it');
    if (!principal.may(permission)) {
      return refuse('FORBIDDEN', `${principal.name} does not have the permission ${permission}`);
    }
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
    if ((await this.#position.waitFor(position, this.#longestWaitMs)) === 'reached') return true;
    throw new Fault(
      'NOT_YET',
      'not-applied',
      `the read model has not come to ${position} in ${this.#longestWaitMs} ms`,
    );
  }
}
