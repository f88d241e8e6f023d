import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../../application/caller.js';

/** A request behind the guard. `caller` is absent on open routes only. */
export interface DroverRequest extends FastifyRequest {
  caller?: Caller;
}
